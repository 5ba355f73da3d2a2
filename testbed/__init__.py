"""The cloud test bed: one machine that behaves like the AWS account deploy.sh is run against.

What is real and what is played
-------------------------------
Real: the unmodified ``aws``, ``sam`` and ``curl`` commands, the SAM transform (``samtranslator``), the
Lambda runtime (AWS's emulator and ``awslambdaric``), TLS.
Played, on loopback: AWS (a moto server with CloudFormation, IAM and API Gateway mended: see ``server``),
and OpenAI (a scripted upstream). Nothing leaves the machine.

How a test uses it
------------------
``tests/e2e/conftest.py`` provides the fixture ``cloud``, a fresh account for every test::

    from testbed.fake_aws import Cloud, start_cloud

    def test_something(cloud: Cloud) -> None:
        cloud.openai.accept("sk-good")                      # every other key is answered 401
        done = cloud.run("./deploy.sh", "--yes", env={"OPENAI_API_KEY": "sk-good"})
        assert done.returncode == 0, done.stderr
        secrets = cloud.client("secretsmanager")            # a boto3 client of the same account
        assert secrets.get_secret_value(SecretId="travel-gpt/openai-api-key")["SecretString"] == ...

A state that several tests share (a deployed stack) belongs into a module-scoped fixture of your own, on
an account of its own, which the per-test reset does not touch::

    @pytest.fixture(scope="module")
    def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
        with start_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
            cloud.run("./deploy.sh", ...)
            yield cloud

``Cloud`` has

==============================  ======================================================================
``endpoint``                    ``http://localhost:PORT`` of the played AWS
``region``, ``account_id``      ``us-east-1``, ``123456789012``
``home``                        an empty HOME but for a ``.curlrc`` that sends https, and https only, to
                                loopback
``tools``                       a folder, all of PATH, with links to the machine's tools and to ``aws`` and
                                ``sam``. Remove a link to take a tool away: ``(cloud.tools / "sam").unlink()``
``env``                         the whole environment for a command: HOME, PATH, fake credentials,
                                ``AWS_ENDPOINT_URL``, region, ``PYTHON``, telemetry off. Nothing inherited
                                but proxies and pip's own settings, which a build may need
``use_real_commands()``         before the first command: ``aws`` and ``sam`` are started for every call, and
                                not forked from a process that has imported them (see ``preloaded``)
``through_proxy``               what to add to ``env`` for a command that reaches for https by itself, not
                                through curl
``run(*argv, env=, input=,      runs a command with ``env`` (plus yours; a value of None removes one) in
cwd=, timeout=)``               the repository's root, and kills it with its children at the timeout
                                (seconds, 180). Returns a CompletedProcess with text output
``client(service, region=)``    a boto3 client, as the account's owner
``calls(mutating=True)``        what was asked of AWS so far, in order, as ``Call(service, action,
                                parameters, caller)``: "the second run changes nothing" is
                                ``cloud.forget_calls(); run again; assert not cloud.calls()``.
                                ``mutating=False`` gives all of them, the reading ones included
``forget_calls()``              empties that list
``refuse(type, reason)``        from now on CloudFormation fails to create or update resources of that
                                type with that reason: a failing deploy. ``refuse(type, None)`` ends it
``enforce_iam(on=True)``        callers with an assumed role's credentials may do what the role's policies
                                allow and nothing else (the owner stays almighty). On at the start
``deny(action, reason=,         from now on AWS answers AccessDenied (or that code) to this action, say
code=)``                        ``"apigateway:UpdateAccount"``, whoever asks. ``allow(action)`` ends it
``federate(on=True)``            turns the account's outbound web identity federation on; off at the start
``openai``                      the played OpenAI: ``accept(*keys)``, ``reject(*keys)`` (at the start it
                                knows none), ``requests`` (what it saw: ``method``, ``path``, ``headers``,
                                ``body``, ``key``), ``base_url`` (http), ``hosts`` (https names that mean
                                it; add one to play a compatible server), ``upstream`` (to script faults;
                                its ``tokens`` is the token exchange). ``organization`` is what its admin API
                                knows: set its ``admin_key``; a key that it makes lives until it deletes it
``function(name)``              the deployed function, in the real runtime under its own role, with the
                                deployed travel_gpt: ``invoke(event)``, ``restart()``, ``logs``,
                                ``environment``, ``configuration``
==============================  ======================================================================

``curl https://<api-id>.execute-api.<region>.amazonaws.com/Prod/travel-gpt`` reaches the deployed API: the
front reads the deployment that the stage serves, checks the API key against the usage plans and the
function's own policy, answers what API Gateway itself would answer in the shape of the deployed gateway
responses, and passes the rest to the deployed function (throttles and quotas are not counted). The first
request after a deployment is a cold start: about a second.
``curl https://api.openai.com/v1/models`` reaches the played OpenAI. Every other
host is answered 502 and fails the test that asked for it.

What it refuses
---------------
An unknown resource type, an unknown property of a known type, an unknown intrinsic function, a reference
to nothing: the stack fails with a reason and rolls back, as loudly as AWS would. So does a stage with logs
in a region without API Gateway's logging role: make the role and name it (``apigateway update-account``), or
deploy without. A customer's KMS key is asked: for ``kms:Decrypt`` by whoever reads a secret under it, and
whether its policy lets CloudWatch Logs use it. A function in a VPC needs a role with Lambda's permissions in
EC2, a rule of AWS Config a recorder, and parameters have to keep the template's Rules. A schedule needs a
role that its maker may pass and that trusts the scheduler, rotation a function that Secrets Manager may call.
Nothing calls that function: turning rotation on does not, and ``rotate_secret`` labels an empty version
AWSPENDING, for the test to call the function with, step by step. If a template needs something the bed does
not know, teach the bed (``stacks/``), do not leave it out. What moto itself stumbles over is answered with
the code ``TestBed``.
"""
