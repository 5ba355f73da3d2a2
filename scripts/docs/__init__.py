"""The documentation that is generated from the code.

====================  ===================================================================
``stack_template``    what template.yaml says about parameters and variables
``tables``            tables in Markdown
``settings_page``     docs/settings.md
``failures``          every way in which a request fails, by whom it is answered
``errors_page``       docs/errors.md
``openapi_schemas``   the bodies of requests and responses, as JSON Schema
``openapi_document``  docs/openapi.json
``page_types``        web/api.d.ts
====================  ===================================================================
"""
