from __future__ import annotations

from services.common.package_index import uv_settings


def test_uv_is_told_what_pip_is_told_of_the_network() -> None:
    listed = (
        ":env:.index-url='https://mirror.example/simple'\n"
        ":env:.disable-pip-version-check='1'\n"
        "global.cert='/etc/own.pem'\n"
        "global.index-url='https://other.example/simple'\n"
        "install.proxy='http://proxy.example:3128'\n"
    )
    assert uv_settings(listed) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "SSL_CERT_FILE": "/etc/own.pem",
        "ALL_PROXY": "http://proxy.example:3128",
    }
