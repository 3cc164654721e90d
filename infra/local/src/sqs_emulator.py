"""Serves the SQS emulator on the listening socket that is this process's standard input.

The socket comes from `cargo local`, so no other program can take the port in between. The process ends with its
parent, also with one that was killed without a chance to clean up.
"""

import asyncio
import os
import threading
import time

PARENT_CHECK_SECONDS = 0.5


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(0)


threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app

config = Config()
config.bind = ["fd://0"]
# Longer than the client keeps a connection, so that it is the client that closes.
config.keep_alive_timeout = 120
asyncio.run(serve(app, config))
