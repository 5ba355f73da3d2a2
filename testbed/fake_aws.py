"""An account of the fake AWS, as a test sees it: see README.md."""

import atexit
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import trustme

from testbed import preloaded
from testbed.account import ROOT, AwsServer, Call
from testbed.function import DeployedFunction
from testbed.gateway import Gateway
from testbed.logging_role import POLICY
from testbed.openai_hosts import OpenAIHosts
from testbed.tls_proxy import TlsProxy
from tests.fakes.openai import FakeOpenAI
from tests.support import emulator

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
# The fake AWS accepts any credentials.
OWNER = {"AWS_ACCESS_KEY_ID": "AKIAOWNEROFTHEFAKE00", "AWS_SECRET_ACCESS_KEY": "accepted"}
# What a build may need to reach the package index from wherever it is run.
INHERITED = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "https_proxy",
)
PACKAGE_INDEX = "pypi.org,files.pythonhosted.org"
# As in a PATH read from its end: of two tools of one name, that of the last folder is linked.
TOOL_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin")
CLOUD_TOOLS = ("aws", "sam")


class FakeAws:
    """An account, and everything a command needs to meet it. Made by ``start_fake_aws``.

    Attributes:
        server: the fake AWS.
        openai: the fake OpenAI.
        home: the HOME of commands.
        gateway: the deployed APIs.
    """

    account_id = ACCOUNT_ID
    region = REGION

    def __init__(self, server: AwsServer, openai: OpenAIHosts, folder: Path) -> None:
        self.server, self.openai = server, openai
        self._folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self._keep_sam_from_the_package_index()
        self._functions: dict[tuple[str, str], DeployedFunction] = {}
        self._denied: dict[str, list[str]] = {}
        self._refused: dict[str, str] = {}
        self._real_commands = False
        authority, self._authority = trustme.CA(), folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self._authority))
        self.gateway = Gateway(server.control, self.client, self._invoke, self._invoke_stream, ACCOUNT_ID)
        self._proxy = TlsProxy(authority, self.gateway, openai.hosts, openai.upstream.port)
        (self.home / ".curlrc").write_text(
            # Port 443 alone: http://localhost stays what it is.
            f'connect-to = ":443:127.0.0.1:{self._proxy.port}"\ncacert = "{self._authority}"\nnoproxy = "*"\n'
        )
        self.enforce_iam()

    def _keep_sam_from_the_package_index(self) -> None:
        """Say that sam has just looked for a newer version, which it does once a week."""
        folder = self.home / ".aws-sam"
        folder.mkdir()
        (folder / "metadata.json").write_text(json.dumps({"lastVersionCheck": time.time()}))

    @property
    def endpoint(self) -> str:
        """The address of the fake AWS."""
        return self.server.endpoint

    @functools.cached_property
    def env(self) -> dict[str, str]:
        """The whole environment of a command."""
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        kept |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        own_pip = Path.home() / ".config/pip/pip.conf"
        if own_pip.exists():
            kept.setdefault("PIP_CONFIG_FILE", str(own_pip))
        kept.setdefault("PIP_CACHE_DIR", str(emulator.CACHE / "pip"))
        if "SSL_CERT_FILE" in kept:
            kept.setdefault("PIP_CERT", kept["SSL_CERT_FILE"])
        return {
            **kept,
            **OWNER,
            "HOME": str(self.home),
            "PATH": str(_shared_tools(self._real_commands)),
            "PYTHON": emulator.python(),
            "LANG": "C.UTF-8",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.2",
            "NO_PROXY": f"localhost,127.0.0.1,{PACKAGE_INDEX}",
            "no_proxy": f"localhost,127.0.0.1,{PACKAGE_INDEX}",
            **self.through_proxy,
            # pip has its own way to the package index: the proxy of the machine that runs the tests, if any.
            **({"PIP_PROXY": kept["HTTPS_PROXY"]} if kept.get("HTTPS_PROXY") else {}),
        }

    def use_real_commands(self) -> None:
        """Let commands find ``aws`` and ``sam`` themselves, not the fast replacements (see ``preloaded``).

        Before the first one is run.
        """
        self._real_commands = True

    @functools.cached_property
    def tools(self) -> Path:
        """The PATH of commands from now on: a folder of this account's own, to remove or replace links in."""
        folder = self._folder / "tools"
        _link_tools(folder, self._real_commands)
        self.env["PATH"] = str(folder)
        return folder

    @property
    def through_proxy(self) -> dict[str, str]:
        """What sends the https of a command other than curl to the fake hosts."""
        proxy = f"http://127.0.0.1:{self._proxy.port}"
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "SSL_CERT_FILE": str(self._authority),
        }

    def run(
        self,
        *argv: str,
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,  # noqa: A002 - subprocess's own name for it
        cwd: Path = ROOT,
        timeout: float = 180.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the owner would.

        Args:
            argv: the command and its arguments.
            env: what to add to ``env``; None takes a variable away.
            input: what it reads; nothing, if left out.
            cwd: where; the repository's root, if left out.
            timeout: seconds until it is killed, with its children.

        Raises:
            subprocess.TimeoutExpired: it was killed. What it wrote until then is in the exception.
        """
        added = {**self.env, **(env or {})}
        environment = {name: value for name, value in added.items() if value is not None}
        process = subprocess.Popen(
            argv,
            env=environment,
            cwd=cwd,
            text=True,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(input, timeout)
        except BaseException as failure:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
            if isinstance(failure, subprocess.TimeoutExpired):
                raise subprocess.TimeoutExpired(argv, timeout, output, errors) from None
            raise
        return subprocess.CompletedProcess(argv, process.returncode, output, errors)

    def client(self, service: str, region: str | None = None, **credentials: str) -> Any:
        """A boto3 client: the owner's, or of the credentials given (boto3's own argument names)."""
        given = credentials or {name.lower(): value for name, value in OWNER.items()}
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=region or self.region,
            **given,
        )

    def calls(self, *, mutating: bool = True) -> list[Call]:
        """What was asked of AWS so far; with ``mutating=False`` the reading calls too."""
        found = [Call(**each) for each in self.server.control("calls")]
        return [call for call in found if call.mutating or not mutating]

    def forget_calls(self) -> None:
        """Empty the list of calls."""
        self.server.control("rules", calls=[])

    def refuse(self, resource_type: str, reason: str | None) -> None:
        """Let CloudFormation fail on resources of a type, for a reason; None ends it."""
        self._refused.pop(resource_type, None)
        if reason is not None:
            self._refused[resource_type] = reason
        self.server.control("rules", refused=self._refused)

    def enforce_iam(self, on: bool = True) -> None:
        """Hold an assumed role's credentials to its policies, or (False) to nothing."""
        self.server.control("rules", enforced=on)

    def deny(self, action: str, reason: str = "denied by the test", code: str = "") -> None:
        """Refuse an action, such as ``iam:CreateRole``, to all; AccessDenied, or another code."""
        self._denied[action] = [code, reason]
        self.server.control("rules", denied=self._denied)

    def allow(self, action: str) -> None:
        """End a ``deny``."""
        del self._denied[action]
        self.server.control("rules", denied=self._denied)

    def federate(self, on: bool = True) -> None:
        """Turn outbound web identity federation on, or off as it is at first."""
        self.server.control("rules", federation=on)

    def hurry_update_account(self, on: bool = True) -> None:
        """Let API Gateway take its logging role as soon and as often as it is named, or (False) as AWS."""
        pace = {"interval": 0.0, "settling": 0.0} if on else {}
        self.server.control("rules", update_account=pace)

    def limit_concurrency(self, limit: int) -> None:
        """Set how many requests all functions of the account run at the same time; 1,000 at first."""
        self.server.control("rules", concurrency=limit)

    def make_role(self, name: str, *statements: dict[str, Any], service: str = "lambda.amazonaws.com") -> str:
        """Make a role that a service may assume, and return its ARN.

        Args:
            name: the role's name.
            statements: those of its policy; without any it has none.
            service: the service.
        """

        def document(*statements: dict[str, Any]) -> str:
            return json.dumps({"Version": "2012-10-17", "Statement": statements})

        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=document(*statements))
        return str(role["Arn"])

    def credentials_of(self, role: str, session: str, region: str | None = None) -> dict[str, str]:
        """The credentials that a service gets for a role.

        Args:
            role: its ARN.
            session: the name of the session: that of the function, if it is Lambda that assumes the role.
            region: where they are asked for.

        Returns:
            boto3's arguments; in capitals, their names are those of the environment's variables.
        """
        assumed = self.client("sts", region).assume_role(RoleArn=role, RoleSessionName=session)
        key = assumed["Credentials"]
        return {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
            "aws_session_token": key["SessionToken"],
        }

    def make_logging_role(self, name: str = "api-gateway-logs-of-another", *, named: bool = True) -> None:
        """Give API Gateway the role that access logs need, as in an account that already logs.

        Args:
            name: the role's name.
            named: whether it is named to API Gateway in this region, and not only there in the account.
        """
        role = self.make_role(name, service="apigateway.amazonaws.com")
        self.client("iam").attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{POLICY}")
        if named:
            self.hurry_update_account()
            change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
            self.client("apigateway").update_account(patchOperations=[change])
            self.hurry_update_account(False)
        self.forget_calls()

    def function(self, name: str, region: str | None = None) -> DeployedFunction:
        """The deployed function of that name, the same one each time."""
        key = (region or self.region, name)
        if key not in self._functions:
            self._functions[key] = DeployedFunction(self, name, key[0], self._folder / name)
        return self._functions[key]

    def _invoke(self, region: str, name: str, event: dict[str, Any], timeout: float) -> dict[str, Any]:
        return self.function(name, region).invoke(event, timeout)

    def _invoke_stream(
        self, region: str, name: str, event: dict[str, Any], timeout: float
    ) -> Generator[bytes]:
        return self.function(name, region).invoke_stream(event, timeout)

    def close(self) -> None:
        """Stop what was started.

        Raises:
            AssertionError: a command tried to reach a host that has no fake.
        """
        for function in self._functions.values():
            function.close()
        self._proxy.close()
        if self._proxy.failures:
            raise AssertionError("The fake AWS failed:\n" + "\n".join(self._proxy.failures))
        if self._proxy.strangers:
            raise AssertionError(f"Something asked for {self._proxy.strangers}: these hosts have no fake")


@functools.cache
def _shared_tools(real_commands: bool) -> Path:
    """The tools of all tests of this process that change none: 2,000 links take half a second."""
    folder = Path(tempfile.mkdtemp(prefix="tools-"))
    atexit.register(shutil.rmtree, folder)
    _link_tools(folder / "tools", real_commands)
    return folder / "tools"


def _link_tools(folder: Path, real_commands: bool) -> None:
    """Fill a new folder with links to the machine's tools, and to aws and sam of this environment alone.

    A tool that a test takes away must not be found in another folder of PATH.

    Args:
        folder: one that does not exist yet.
        real_commands: whether aws and sam are those of this environment, not the programs of ``preloaded``.
    """
    folder.mkdir()
    found = {tool.name: tool.path for source in TOOL_FOLDERS for tool in os.scandir(source)}
    programs = {} if real_commands else preloaded.programs()
    found |= {name: str(programs.get(name, Path(sys.executable).parent / name)) for name in CLOUD_TOOLS}
    for name, path in found.items():
        os.symlink(path, f"{folder}/{name}")  # noqa: PTH211 - a tenth of the time of Path's


@contextmanager
def start_fake_aws(folder: Path, server: AwsServer | None = None) -> Iterator[FakeAws]:
    """Start a fake AWS with an empty account; everything is stopped at the end, whatever happens.

    Args:
        folder: an empty one, for its files.
        server: a fake AWS to use and reset, instead of one of its own, which takes three seconds to start.
    """
    # Now, and not inside the first request, which has a deadline.
    emulator.host_dependencies()
    emulator.runtime_client()
    with ExitStack() as stack:
        if server is None:
            server = stack.enter_context(AwsServer.start(folder / "aws.log"))
        server.control("reset")
        upstream = stack.enter_context(FakeOpenAI())
        aws = FakeAws(server, OpenAIHosts(upstream), folder)
        stack.callback(aws.close)
        yield aws
