// Keeps the feed fresh; without it the page shows the same after a reload.
const feed = document.getElementById("feed");
let shown = "";
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/feed");
    if (!answer.ok) return;
    const now = await answer.text();
    if (shown && now !== shown) feed.innerHTML = now;
    shown = now;
  } catch {
    // The stand-in has ended; what was said stays on the page.
  }
}, 2000);
