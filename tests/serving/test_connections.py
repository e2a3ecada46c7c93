"""An answer of the service in one write."""

import asyncio

import pytest

from serving.connections import JoinedWrites


class Transport:
    def __init__(self):
        self.written, self.is_closed = [], False

    def write(self, data):
        self.written.append(data)

    def close(self):
        self.is_closed = True

    def is_closing(self):
        return self.is_closed


def in_loop(write):
    transport = Transport()

    async def turn():
        await write(JoinedWrites(transport))

    asyncio.run(turn())
    return transport


@pytest.mark.parametrize("body", [b"", b"body"])
def test_head_and_body_of_an_answer_are_one_write(body):
    async def answer(joined):
        joined.write(b"head ")
        joined.write(body)
        assert joined._transport.written == []
        await asyncio.sleep(0)
        assert joined._transport.written == [b"head " + body]
        joined.write(b"next")
        await asyncio.sleep(0)

    assert in_loop(answer).written == [b"head " + body, b"next"]


def test_what_was_to_be_written_is_before_the_connection_closes():
    async def answer_and_close(joined):
        joined.write(b"last")
        joined.close()
        assert joined.is_closing()

    transport = in_loop(answer_and_close)
    assert (transport.written, transport.is_closed) == ([b"last"], True)
