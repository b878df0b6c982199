"""The account, served: ``python -m v_jiaofei``. README.md says which settings the environment needs."""

from __future__ import annotations

import argparse
import logging

from werkzeug.serving import make_server

from openteller import OpenTeller

from .app import Settings, create_app, create_bot


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m v_jiaofei", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=8090, type=int)
    parser.add_argument("--poll", action="store_true", help="look for mentions, where Weibo does not push them")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = Settings.from_environment()
    with OpenTeller() as bank:
        bot, store = create_bot(settings, bank, polls=options.poll)
        server = make_server(options.host, options.port, create_app(settings, bot, store), threaded=True)
        bot.start()
        logging.getLogger("v_jiaofei").info("Weibo pushes to http://%s:%d/weibo", options.host, server.port)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            logging.getLogger("v_jiaofei").info("stopping")
        finally:
            server.server_close()
            bot.stop()
            store.close()


if __name__ == "__main__":
    main()
