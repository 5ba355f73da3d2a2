"""``travel-gpt deploy``, which deploy.sh runs: the stack, the secret, and what they need.

======================  ==========================================================================
``__main__``            what deploy.sh starts, before anything is installed: help, wrong options
``main``                the order of the steps, and what is printed when one fails
``options``             the command line
``preflight``           programs, credentials and region: what is missing and how to get it
``preparation``         looks at all of the following and decides what to do
``parameters``          the template's parameters, old and new
``stack``               the CloudFormation stack: its states, its events, its deletion
``openai_key``          the key: reading and verifying it
``secret``              the secret in Secrets Manager, and what becomes of it
``access_logs``         whether the API has access logs
``logging_role``        the role that API Gateway needs to write them
``concurrency``         the account's concurrency, compared with the throttle
``protection``          what KmsKeyArn and ConfigRules need, and do to the secret
``rotation``            what the rotation of the key needs
``pending``             a version that a rotation left as AWSPENDING
``vpc``                 leaving a VPC: what is decided before
``interfaces``          leaving a VPC: the network interfaces, and the second deployment
``keyless``             going without a key: what is decided before
``keyless_migration``   going without a key: the verification, and the second deployment
``openai_trust``        the mapping at OpenAI that a deployment leaves behind
``plan``                what will happen, shown before it happens
``tls``                 what a change of the API's TLS policy means
``shell``               running ``sam``
``permission``          looking at what the caller may not be permitted to see
``release``             build, deploy
``health``              calling the deployed API, and the commands to try
``removal``             ``--delete``
======================  ==========================================================================
"""
