"""CloudFormation for the fake AWS: what moto's own leaves out is what a deploy can get wrong.

Moto's stacks drop unknown resource types, give change sets no outputs, update a resource only when a
``Ref`` in it changed, and know no rollback. This package takes its place behind moto's HTTP front:

``document``    a template's text to resources: YAML, the SAM transform, parameters and their rules
``intrinsics``  conditions and functions (``Ref``, ``Fn::Sub``, …) to values
``resources``   one handler a resource type; each speaks AWS's public API, as AWS's own do
``engine``      creates, updates, replaces and deletes in dependency order, and rolls back
``changes``     what a change set would change
``service``     the CloudFormation API on top, for the ``aws`` and ``sam`` commands
"""
