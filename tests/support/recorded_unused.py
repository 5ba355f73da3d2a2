"""The recorded answers of AWS that no fake of this project gives, each with the reason.

``tests/unit/recorded/test_recorded_accounted.py`` asks that every line is either here or in a test of a file
``test_recorded_*.py``: a line that is added to the recordings makes it fail until it is in one of the two.
"""

_NO_TABLE = "the project has no DynamoDB table"
_OWN_RUNTIME = "no fake: the tests run AWS's own runtime client and emulator"
_NO_EVENT_RULE = "the project has no EventBridge rule on CloudTrail's events"
_NO_EXPORT = "the template exports nothing, and the fake refuses a template that does"
_CHANGE_SETS_ONLY = "deploy.sh and sam update by change sets; the fake refuses UpdateStack"
_NO_KMS_CALL = "no program here calls KMS; Secrets Manager does, see kms-denied-wrapped"
_NO_RESOURCE_POLICY = "the API has no resource policy and no IAM authorization"

UNUSED: dict[str, str] = {
    "apigateway/TestInvokeMethod/execution-log-configuration-error": "nothing calls TestInvokeMethod",
    "apigateway/gateway response 400/invalid-request-body": "the API has no request validator",
    "apigateway/gateway response 403/anonymous-resource-policy": _NO_RESOURCE_POLICY,
    "apigateway/gateway response 403/iam-or-resource-policy-explicit-deny": _NO_RESOURCE_POLICY,
    "apigateway/gateway response 413/over-10-mib-plain-text": (
        "the source does not say which kind of API answered; the fakes give the gateway response that is "
        "documented for it, REQUEST_TOO_LARGE"
    ),
    "apigateway/gateway response 504/network-error": "an HTTP integration's; the API's is Lambda's",
    "cloudformation/CreateChangeSet/import-of-missing-export": _NO_EXPORT,
    "cloudformation/DeleteStack/export-in-use-2025-wording": _NO_EXPORT,
    "cloudformation/UpdateStack/deleted-stack": _CHANGE_SETS_ONLY,
    "cloudformation/UpdateStack/no-updates": _CHANGE_SETS_ONLY,
    "cloudformation/UpdateStack/role-cannot-be-assumed": "nothing passes a role to CloudFormation",
    "cloudformation/stack event/export-cannot-be-deleted": _NO_EXPORT,
    "cloudformation/stack event/export-cannot-be-updated": _NO_EXPORT,
    "dynamodb/DeleteTable/table-not-found": _NO_TABLE,
    "dynamodb/PutItem/conditional-check-failed-with-item": _NO_TABLE,
    "dynamodb/PutItem/on-demand-throttled": _NO_TABLE,
    "dynamodb/TransactWriteItems/canceled-raw": _NO_TABLE,
    "dynamodb/TransactWriteItems/canceled-text": _NO_TABLE,
    "dynamodb/TransactWriteItems/canceled-validation-raw": _NO_TABLE,
    "dynamodb/TransactWriteItems/documented-cancellation-reasons": _NO_TABLE,
    "dynamodb/TransactWriteItems/empty-key-string": _NO_TABLE,
    "dynamodb/TransactWriteItems/table-not-found": _NO_TABLE,
    "dynamodb/TransactWriteItems/two-operations-on-one-item": _NO_TABLE,
    "dynamodb/UpdateItem during a transaction/transaction-conflict-exception": _NO_TABLE,
    "dynamodb/service model/TransactionConflictException": _NO_TABLE,
    "dynamodb/write/provisioned-throughput-exceeded": _NO_TABLE,
    "eventbridge/AWS API Call via CloudTrail/assumed-role-event": _NO_EVENT_RULE,
    "eventbridge/detail-type/secretsmanager-operations": _NO_EVENT_RULE,
    "eventbridge/event pattern/pattern-documented-china-edition": _NO_EVENT_RULE,
    "kms/CreateSecret/kms-denied-cfn": "the stack makes no secret; deploy.sh makes it before",
    "kms/kms call/invalid-ciphertext-empty-message": _NO_KMS_CALL,
    "kms/kms call/key-disabled": _NO_KMS_CALL,
    "kms/kms call/key-not-found": _NO_KMS_CALL,
    "lambda/CreateFunction VPC/subnet-bad-format": "the template's parameter type refuses it before Lambda",
    "lambda/CreateFunction/role-cannot-be-assumed-headers": "a stack's events have the text alone",
    "lambda/CreateFunction/role-arn-bad-format": "the function's role is a resource of the stack",
    "lambda/Invoke/bootstrap-exit-127": "a custom runtime's; the function has the managed Python runtime",
    "lambda/Invoke/response-over-6-mib": "an answer of the function is a few kilobytes",
    "lambda/Invoke/runtime-exit-during-init": _OWN_RUNTIME,
    "lambda/Invoke/segfault-reads-as-timeout": _OWN_RUNTIME,
    "lambda/Invoke/throttled-by-reserved-concurrency": "the fake runs one event after another",
    "lambda/UpdateFunctionConfiguration/update-in-progress": "the fake's updates end at once",
    "lambda/function URL/forbidden": "the function has no URL",
    "secretsmanager/GetResourcePolicy/no-resource-based-policy-allows": "an answer across two accounts",
    "secretsmanager/ListSecrets/permissions-boundary": "no role here has a permissions boundary",
    "sts/AssumeRole/validation-error-form": "only the fakes themselves call AssumeRole",
    "sts/outbound issuer openid-configuration/real-issuer": "OpenAI reads it, not this project",
    "waf/gateway response 403/waf-block-head-request": "the API has no web ACL",
} | {
    f"lambda-runtime-api/{operation}/{case}": _OWN_RUNTIME
    for operation, cases in {
        "InvokeWithResponseStream runtime POST": (
            "rust-streaming-headers",
            "rust-prelude-and-delimiter",
            "rust-midstream-error-is-in-band",
            "node-streaming-headers",
            "node-error-trailers",
            "go-error-trailers",
        ),
        "InvokeWithResponseStream prelude": (
            "rust-metadata-prelude-fields",
            "node-http-response-stream",
            "go-prelude",
            "go-test-bytes",
        ),
        "invocation response POST": ("rust-buffered", "go-always-declares-trailers", "answer-to-the-runtime"),
        "invocation error POST": ("rust-error-header",),
        "init error POST": ("node-init-error", "python-expects-202"),
        "web adapter request to the app": ("adapter-added-headers",),
        "web adapter response": ("adapter-error-status-codes",),
        "next invocation": ("headers-real-container", "headers-with-tenant"),
    }.items()
    for case in cases
}
