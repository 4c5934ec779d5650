"""The peer of Fae's server: the same work behind FastAPI and uvicorn, as one would write it in an afternoon.

usage: server.py PORT
"""
import asyncio
import sys

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from peers import inspector

app = FastAPI()
inspect = inspector()
# One picture at a time through the network, which uses all cores itself: several at once would only get in each other's way. First come, first served.
network = asyncio.Lock()


def verdict(body):
    score, (count, _, stats, _) = inspect(body)
    regions = [{"box": [int(v) for v in stats[i][:4]], "area": int(stats[i][4])} for i in range(1, count)]
    return {"score": float(score), "p_value": 0.5, "anomalous": bool(score > 0.05), "regions": regions}


@app.post("/v1/inspect")
async def post(request: Request):
    body = await request.body()
    try:
        async with network:
            return await run_in_threadpool(verdict, body)
    except Exception as error:
        raise HTTPException(400, str(error))


@app.get("/ready")
def ready():
    return "ready"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
