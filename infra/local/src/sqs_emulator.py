"""Serves the SQS emulator on the listening socket that is this process's standard input.

`cargo local` passes a socket that is already bound, so no other program can take the port in between. The process ends
when its parent ends, even if the parent was killed and could not clean up.
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
# Longer than the client keeps an idle connection: the server must not close one that the client is about to use.
config.keep_alive_timeout = 120
asyncio.run(serve(app, config))
