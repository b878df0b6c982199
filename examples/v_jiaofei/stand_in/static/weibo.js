// Keeps the feed fresh; without it the page shows the same after a reload.
const feed = document.getElementById("feed");
let shown = feed.innerHTML.trim();
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/feed");
    if (!answer.ok) return;
    const now = (await answer.text()).trim();
    if (now === shown) return;
    const atEnd = window.innerHeight + window.scrollY > document.body.scrollHeight - 40;
    feed.innerHTML = shown = now;
    if (atEnd) window.scrollTo(0, document.body.scrollHeight);
  } catch {
    // The stand-in has ended; what was said stays on the page.
  }
}, 1000);
