"""The account, served: ``python -m v_jiaofei``. README.md says which settings the environment needs."""

from __future__ import annotations

import argparse
import logging
import signal
from contextlib import closing

from openteller import OpenTeller

from .app import Settings, create_app, create_bot
from .serving import make_quiet_server
from .store import Store
from .weibo import WeiboClient
from .workers import Workers

log = logging.getLogger("v_jiaofei")


def main() -> None:
    """Serve until Ctrl-C or SIGTERM, and finish what is in hand."""
    parser = argparse.ArgumentParser(prog="python -m v_jiaofei", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=8090, type=int)
    help_ = "look for mentions as often, where Weibo does not push them; two calls each"
    parser.add_argument("--poll", type=float, metavar="SECONDS", help=help_)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)
    settings = Settings.from_environment(own_url=f"http://{options.host}:{options.port}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    weibo = WeiboClient(settings.weibo_url, settings.weibo_access_token)
    with OpenTeller() as bank, weibo, closing(Store(settings.database)) as store:
        bot = create_bot(settings, bank, store, weibo)
        workers = Workers(bot, poll_s=options.poll)
        server = make_quiet_server(create_app(settings, bot, store), options.host, options.port)
        workers.start()
        log.info("Weibo pushes to http://%s:%d/weibo", options.host, server.port)
        log.info("the bank sends events to %s", settings.webhook_url)
        try:
            server.serve_forever()  # until an interrupt, which it takes itself; it ends with the last push
        finally:
            log.info("stopping")
            if not workers.stop():
                log.warning("something was still in hand; it is done after the next start")


if __name__ == "__main__":
    main()
