"""Makes the NATS server agree with `onethread.contracts.streams`: the one place where streams and consumers are made.

python -m onethread.runtime.provision
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# nats-py leaves out parts of its types.

from __future__ import annotations

import asyncio
import os
import sys

import nats
import nats.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from onethread.contracts import subjects
from onethread.contracts.streams import (
    BUCKETS,
    CONSUMERS,
    OBJECT_BUCKETS,
    STREAMS,
    Bucket,
    Consumer,
    ObjectBucket,
    Stream,
)
from onethread.runtime.settings import Settings

DUPLICATE_WINDOW = 120
"""Seconds in which the server itself drops a repeated `Nats-Msg-Id`. Consumers remember for ever."""


async def provision(js: JetStreamContext, replicas: int = 1) -> None:
    """Creates what is missing and updates what differs. Safe to run at any time, also beside running services."""
    for stream in STREAMS:
        await _stream(js, stream, replicas)
    for bucket in BUCKETS:
        try:
            await js.key_value(bucket.name)
        except NotFoundError:
            await js.add_stream(_bucket(bucket, replicas))
    for objects in OBJECT_BUCKETS:
        await _agree(js, _objects(objects, replicas))
    for consumer in CONSUMERS:
        for durable, subject in consumer.each():
            await _consumer(js, consumer, durable, subject)


def _bucket(bucket: Bucket, replicas: int) -> StreamConfig:
    """As clients make them, except that messages may be deleted: what is erased is then written over in the file."""
    return StreamConfig(
        name=f"KV_{bucket.name}",
        subjects=[f"$KV.{bucket.name}.>"],
        storage=StorageType.FILE,
        num_replicas=replicas,
        max_age=bucket.max_age,
        max_msgs_per_subject=1,
        duplicate_window=DUPLICATE_WINDOW,
        discard=DiscardPolicy.NEW,
        allow_rollup_hdrs=True,
        allow_direct=True,
    )


def _objects(bucket: ObjectBucket, replicas: int) -> StreamConfig:
    """As clients make them."""
    return StreamConfig(
        name=f"OBJ_{bucket.name}",
        subjects=[f"$O.{bucket.name}.C.>", f"$O.{bucket.name}.M.>"],
        storage=StorageType.FILE,
        num_replicas=replicas,
        max_age=bucket.max_age,
        max_bytes=bucket.max_bytes,
        duplicate_window=DUPLICATE_WINDOW,
        discard=DiscardPolicy.NEW,
        allow_rollup_hdrs=True,
        allow_direct=True,
    )


async def _stream(js: JetStreamContext, stream: Stream, replicas: int) -> None:
    config = StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        max_age=stream.max_age,
        num_replicas=replicas,
        duplicate_window=DUPLICATE_WINDOW,
    )
    await _agree(js, config)


async def _agree(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except BadRequestError:  # it exists with other settings
        await js.update_stream(config)


async def _consumer(js: JetStreamContext, consumer: Consumer, durable: str, subject: str) -> None:
    config = ConsumerConfig(
        durable_name=durable,
        deliver_group=durable,
        deliver_subject=subjects.deliver(durable),
        filter_subject=subject,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=consumer.ack_wait,
        max_ack_pending=consumer.in_flight,
        max_deliver=-1,
    )
    await js.add_consumer(consumer.stream, config)


async def main() -> None:
    settings = Settings.load()
    replicas = int(os.environ.get("ONETHREAD_NATS_REPLICAS", "1"))
    try:
        connection = await nats.connect(settings.nats, name="provision", connect_timeout=5, max_reconnect_attempts=10)
    except (nats.errors.Error, OSError) as error:
        raise SystemExit(f"Cannot reach NATS at {settings.nats}: {type(error).__name__}. Is it running?") from None
    await provision(connection.jetstream(), replicas)
    await connection.drain()
    sys.stdout.write(f"{len(STREAMS)} streams and {sum(len(c.each()) for c in CONSUMERS)} consumers are in place.\n")


if __name__ == "__main__":
    asyncio.run(main())
