"""Receivers live on public addresses unless allowed, however the address is dressed up."""

import ipaddress

import pytest

from monitor.alerts.addresses import AddressRules, is_public
from monitor.errors import ConfigError, ReceiverBusy, ReceiverRefused


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.88.99.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "192.0.0.9",
        "192.0.0.192",
        "192.31.196.1",
        "192.52.193.1",
        "192.175.48.1",
        "168.63.129.16",
        "100.100.100.200",
        "240.0.0.1",
        "3fff::1",
        "5f00::1",
        "100:0:0:1::1",
        "2001:2::1",
        "2001:3::1",
        "2001:4:112::1",
        "2001:20::1",
        "2001:30::1",
        "2620:4f:8000::1",
        "fd00:ec2::254",
        "4000::1",
        "::ffff:0:7f00:1",
        "2606:4700::5efe:7f00:1",
        "2606:4700::200:5efe:a00:1",
    ],
)
def test_an_address_inside_is_refused_in_every_dress(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    with pytest.raises(ReceiverRefused, match=r"notify\.allow"):
        AddressRules().addresses("hook.example", 443, lambda _host, _port: [text])


@pytest.mark.parametrize(
    "text",
    [
        "93.184.216.34",
        "2606:4700::1111",
        "::ffff:93.184.216.34",
        "64:ff9b::5db8:d822",
        "2002:5db8:d822::1",
    ],
)
def test_a_public_address_is_fine(text: str) -> None:
    assert AddressRules().addresses("hook.example", 443, lambda _host, _port: [text]) == [text]


def test_only_the_public_ones_of_a_mixed_answer_are_dialled() -> None:
    assert AddressRules().addresses(
        "hook.example", 443, lambda _host, _port: ["10.0.0.1", "93.184.216.34"]
    ) == ["93.184.216.34"]


def test_ports_that_are_not_for_the_web_are_refused() -> None:
    with pytest.raises(ReceiverRefused):
        AddressRules().addresses("hook.example", 6379, lambda _host, _port: ["93.184.216.34"])


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/8", "10.1.2.3", "alerts.internal", "Alerts.Internal."]
)
def test_what_is_allowed_may_be_private_and_on_any_port(entry: str) -> None:
    assert AddressRules([entry]).addresses(
        "alerts.internal", 9093, lambda _host, _port: ["10.1.2.3"]
    ) == ["10.1.2.3"]


METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "2002:6464:64c8::1",
    "2001:0:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:5601:5601",
    "fe80::5efe:169.254.169.254",
    "2606:4700::5efe:169.254.169.254",
    "fe80::a9fe:a9fe%eth0",
]


@pytest.mark.parametrize("text", METADATA)
def test_a_clouds_metadata_is_never_dialled_whatever_is_allowed(text: str) -> None:
    rules = AddressRules(["0.0.0.0/0", "::/0", "169.254.169.254", "hook.example", "fd00:ec2::254"])
    with pytest.raises(ReceiverRefused):
        rules.addresses("hook.example", 80, lambda _host, _port: [text])


@pytest.mark.parametrize(
    "name", ["metadata.google.internal", "METADATA.google.internal.", "metadata", "instance-data"]
)
def test_a_clouds_metadata_is_known_by_name_too(name: str) -> None:
    with pytest.raises(ReceiverRefused, match="metadata"):
        AddressRules([name.lower().rstrip(".")]).addresses(
            name, 80, lambda _host, _port: ["93.184.216.34"]
        )


def test_allowing_one_host_allows_no_other() -> None:
    with pytest.raises(ReceiverRefused):
        AddressRules(["alerts.internal"]).addresses(
            "evil.example", 443, lambda _host, _port: ["10.1.2.3"]
        )


def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(ReceiverBusy, match="does not resolve"):
        AddressRules().addresses("hook.example", 443, resolve)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hook.example/",
        "file:///etc/passwd",
        "gopher://x/",
        "hook.example/path",
        "https://",
        "https://u:secret-word@hook.example/",
        "http://[::1",
        "https://h:99999/",
    ],
)
def test_a_url_that_is_no_plain_http_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        AddressRules().target(url)
    assert "secret-word" not in str(refused.value)


def test_a_name_in_other_letters_is_taken_in_its_ascii_form() -> None:
    assert AddressRules().target("https://bücher.example/x").host == "xn--bcher-kva.example"
    assert AddressRules().target("https://[2606:4700::1111]:8443/x") == AddressRules().target(
        "https://[2606:4700::1111]:8443/y"
    )


@pytest.mark.parametrize("entry", ["", "10.0.0.0/99", "https://x", "a/b"])
def test_an_allowed_entry_that_means_nothing_is_an_error(entry: str) -> None:
    with pytest.raises(ConfigError):
        AddressRules([entry])
