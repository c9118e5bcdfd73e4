"""A volume's tar file holds what is in the volume, not what is mounted inside it."""

from __future__ import annotations

import io
import tarfile

from bootstrap.compose.archive import without


def test_other_mounts_are_left_out() -> None:
    source, target = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=source, mode="w") as tar:
        for name, content in {
            "./": None,
            "./dremio": None,
            "./dremio/a": b"mine",
            "./logs/x.log": b"another volume's",
            "./logs": None,
            "./logs2/y": b"mine too",
        }.items():
            info = tarfile.TarInfo(name)
            info.uid, info.mode = 10001, 0o640
            if content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("./link")
        link.type, link.linkname = tarfile.SYMTYPE, "dremio/a"
        tar.addfile(link)
    source.seek(0)
    without(source, target, ["logs", "inbox"])
    target.seek(0)
    with tarfile.open(fileobj=target) as tar:
        assert [m.name for m in tar] == [".", "./dremio", "./dremio/a", "./logs2/y", "./link"]
        found = tar.extractfile("./dremio/a")
        assert found is not None
        assert found.read() == b"mine"
        assert tar.getmember("./dremio/a").uid == 10001
        assert tar.getmember("./link").linkname == "dremio/a"
