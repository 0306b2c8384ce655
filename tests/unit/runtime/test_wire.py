"""Calls over the folder's socket."""

import socket
import threading

import msgspec
import pytest

from yutang.kernel.errors import NotFoundError, UnavailableError, YutangError
from yutang.runtime.wire import NOT_ASKED, WireClient, WireServer, _address


def answering(name, actor, body):
    if name == "missing":
        raise NotFoundError("thing.absent", "no such thing", where="here", remedy="make one")
    if name == "broken":
        raise ZeroDivisionError("oops")
    return f"{name}/{actor}/".encode() + body


@pytest.fixture(params=["short", "d" * 60 + "/" + "e" * 60])
def served(tmp_path, request):
    folder = tmp_path / request.param
    folder.mkdir(parents=True)
    server = WireServer(folder / "engine.sock", answering)
    yield folder / "engine.sock"
    server.close()


class TestCalls:
    def test_an_answer_comes_back_whatever_its_size(self, served):
        client = WireClient(served)
        body = b"x" * 3_000_000
        assert client.call("echo", "mei", body) == b"echo/mei/" + body
        client.close()

    def test_an_error_arrives_as_itself(self, served):
        client = WireClient(served)
        with pytest.raises(NotFoundError) as raised:
            client.call("missing", "mei", b"")
        assert raised.value.as_dict() == {
            "code": "thing.absent", "message": "no such thing", "where": "here", "remedy": "make one",
        }  # fmt: skip
        assert client.call("still", "mei", b"") == b"still/mei/"

    def test_a_bug_on_the_other_side_is_told_not_hidden(self, served):
        client = WireClient(served)
        with pytest.raises(YutangError, match="ZeroDivisionError") as told:
            client.call("broken", "mei", b"")
        assert told.value.remedy

    def test_many_connections_at_once(self, served):
        found = []

        def ask(number):
            client = WireClient(served)
            found.extend(client.call("n", str(number), b"") for _ in range(20))
            client.close()

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == sorted(f"n/{n}/".encode() for n in range(8) for _ in range(20))


class TestAnswersThatDontCome:
    def test_one_that_comes_late_isnt_taken_for_the_next(self, tmp_path):
        go_on = threading.Event()

        def slow(name, actor, body):
            go_on.wait(10)
            return name.encode()

        server = WireServer(tmp_path / "engine.sock", slow)
        client = WireClient(tmp_path / "engine.sock", 0.1)
        with pytest.raises(UnavailableError) as gone:
            client.call("first", "mei", b"")
        assert gone.value.code == "service.gone"
        go_on.set()
        with pytest.raises(UnavailableError) as again:
            client.call("second", "mei", b"")
        assert again.value.code == NOT_ASKED
        server.close()

    def test_that_the_other_side_reached_nobody_doesnt_mean_that_it_wasnt_asked(self, tmp_path):
        def asking(name, actor, body):
            WireClient(tmp_path / "intake.sock")

        server = WireServer(tmp_path / "engine.sock", asking)
        client = WireClient(tmp_path / "engine.sock")
        with pytest.raises(UnavailableError) as away:
            client.call("hook.replay", "mei", b"")
        assert away.value.code == "service.part_away"
        assert away.value.remedy
        client.close()
        server.close()


class TestNobodyThere:
    def test_says_so(self, tmp_path):
        with pytest.raises(UnavailableError) as raised:
            WireClient(tmp_path / "engine.sock")
        assert raised.value.code == "service.unreachable"

    def test_only_the_owner_may_connect(self, served):
        assert served.stat().st_mode & 0o777 == 0o600


class TestWhatIsNoCall:
    @pytest.mark.parametrize("sent", [b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x01\x05", b"\xff\xff\xff\xff"])
    def test_is_refused_and_harms_nobody_else(self, served, sent, capfd):
        with socket.socket(socket.AF_UNIX) as rude, _address(served) as address:
            rude.connect(address)
            rude.sendall(sent)
            assert b"wire.no_call" in rude.recv(4_096)
            assert rude.recv(1) == b""
        client = WireClient(served)
        assert client.call("still", "mei", b"") == b"still/mei/"
        client.close()
        assert "Traceback" not in capfd.readouterr().err

    def test_a_caller_that_goes_away_leaves_no_noise(self, served, capfd):
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as hasty, _address(served) as address:
                hasty.connect(address)
                body = msgspec.msgpack.encode(("echo", "mei", b"x" * 300_000))
                hasty.sendall(len(body).to_bytes(4, "big") + body)
        client = WireClient(served)
        client.call("still", "mei", b"")
        client.close()
        assert "Traceback" not in capfd.readouterr().err


class TestTheOtherSideGone:
    def test_a_call_that_nobody_heard_is_told_apart_from_one_that_was(self, tmp_path):
        entered, ending = threading.Event(), threading.Event()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "engine.sock"))
        listener.listen()

        def hear_one_and_die() -> None:
            connection, _ = listener.accept()
            connection.recv(4_096)
            entered.set()
            ending.wait(10)
            connection.close()

        thread = threading.Thread(target=hear_one_and_die)
        thread.start()
        client = WireClient(tmp_path / "engine.sock")
        threading.Timer(0.05, ending.set).start()
        with pytest.raises(UnavailableError) as heard:
            client.call("merge", "mei", b"")
        thread.join()
        with pytest.raises(UnavailableError) as unheard:
            client.call("merge", "mei", b"")
        assert (heard.value.code, unheard.value.code) == ("service.gone", NOT_ASKED)
        client.close()
        listener.close()

    def test_a_crowd_is_let_in(self, served):
        crowd = [WireClient(served) for _ in range(100)]
        assert {client.call("n", "mei", b"") for client in crowd} == {b"n/mei/"}
        for client in crowd:
            client.close()
