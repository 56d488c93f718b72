from __future__ import annotations

import pytest

from shortener.problems import InvalidRequest
from shortener.targets import LONGEST, check_target


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://example.com/",
        "HTTPS://EXAMPLE.COM/a",
        "https://example.com:8443/a/b.html?q=1&r=%20#top",
        "https://user-pages.example/~me/",
        "https://example.com/path/with@sign",
        "https://[2606:4700::1111]:8080/",
        "https://xn--mnchen-3ya.example/",
        "https://xn--e1afmkfd.xn--80akhbyknj4f/",
        "https://xn--h1alffa9f.xn--p1ai/",
        "https://xn--eckwd4c7cu47r2wf.jp/",
        "http://[2606:4700:4700::1111]/",
        "https://example.com/?next=http://other.example/",
        "https://example.com/" + "a" * (LONGEST - 20),
    ],
)
def test_a_target_is_taken_as_it_is(url: str) -> None:
    assert check_target(url) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "characters"),
        ("https://example.com/" + "a" * (LONGEST - 19), "characters"),
        ("ftp://example.com/", "http"),
        ("javascript:alert(1)", "http"),
        ("data:text/html,x", "http"),
        ("//example.com/", "http"),
        ("/relative", "http"),
        ("example.com", "http"),
        ("https:example.com", "http"),
        ("https:/example.com", "http"),
        ("java\tscript:alert(1)", "percent-encode"),
        ("https://example.com/\r\nSet-Cookie: a=b", "percent-encode"),
        ("https://example.com/\x00", "percent-encode"),
        (" https://example.com/", "percent-encode"),
        ("https://example.com/a\n", "percent-encode"),
        ("https://example.com\\@evil.example/", "percent-encode"),
        ("https:\\\\evil.example/", "percent-encode"),
        ("https://bücher.example/", "percent-encode"),
        ("https://example.com/\u202egnp.exe", "percent-encode"),
        ("https://example.com/<script>", "percent-encode"),
        ("https://bank.example@evil.example/", "user name"),
        ("https://bank.example:secret@evil.example/", "user name"),
        ("https:///path", "host"),
        ("https://?q", "host"),
        ("https://:8080/", "host"),
        ("https://example.com:/", "port"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "port"),
        ("https://example.com:abc/", "port"),
        ("https://[::1/", "host"),
        ("https://[nonsense]/", "host"),
        ("https://a%2eb/", "host"),
        ("https://./", "host"),
        ("https://a..b/", "host"),
        ("https://example.com../", "host"),
        ("https://-a.example/", "host"),
        ("http://2130706433/", "host"),
        ("http://0x7f.1/", "host"),
        ("http://127.0.0.1/", "private network"),
        ("http://169.254.169.254/latest/meta-data", "private network"),
        ("http://10.1.2.3/", "private network"),
        ("http://[::1]/", "private network"),
        ("http://[::ffff:10.0.0.1]/", "private network"),
        ("http://localhost/", "private network"),
        ("http://[64:ff9b::a00:1]/", "private network"),
        ("http://[2002:a00:1::]/", "private network"),
        ("http://[::10.0.0.1]/", "private network"),
        ("http://[ff02::1]/", "private network"),
        ("http://224.0.0.1/", "private network"),
        ("http://router.home.arpa/", "private network"),
        (f"http://{'.'.join(['a' * 60] * 5)}.com/", "written as it should be"),
        ("https://xn--e1awd7f.com/", "deceive"),
        ("https://xn--a.com/", "deceive"),
        ("http://wiki.internal/", "private network"),
        ("https://xn--80ak6aa92e.com/", "deceive"),
        ("https://xn--pypal-4ve.com/", "deceive"),
    ],
)
def test_a_target_that_could_trick_somebody_is_refused(url: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as raised:
        check_target(url)
    assert url not in raised.value.message or not url


@pytest.mark.parametrize("url", ["https://sho.rt/abc", "http://SHO.RT:80/abc", "https://sho.rt./abc"])
def test_a_link_cannot_lead_to_the_shortener_itself(url: str) -> None:
    with pytest.raises(InvalidRequest, match="circles"):
        check_target(url, own_host="sho.rt")


def test_a_longer_name_is_another_host() -> None:
    assert check_target("https://notsho.rt/", own_host="sho.rt")


def test_a_private_target_is_taken_where_the_operator_allows_it() -> None:
    for url in ("http://10.1.2.3/", "http://wiki.internal/", "http://localhost:8000/"):
        assert check_target(url, private=True) == url
