"""The ground the other tests stand on: nothing leaves this machine, nothing of the user comes in."""

import os
import socket

import boto3
import pytest
from pytest_socket import SocketConnectBlockedError

from travel_gpt.settings import Settings, settings_fields


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_a_socket_to_another_machine_is_refused() -> None:
    with socket.socket() as line, pytest.raises(SocketConnectBlockedError):
        # TEST-NET-1: no host has it.
        line.connect(("192.0.2.1", 443))


def test_loopback_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_no_setting_of_the_user_is_left() -> None:
    assert Settings.load(os.environ) == Settings()
    assert not {spec.variable for spec in settings_fields()} & set(os.environ)


def test_aws_credentials_are_dummies() -> None:
    session = boto3.Session()
    credentials = session.get_credentials()

    assert credentials is not None
    assert (credentials.access_key, session.region_name) == ("testing", "us-east-1")
