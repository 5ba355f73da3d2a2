# `sam build` calls this one, with the package's folder in ARTIFACTS_DIR.
.PHONY: build-TravelGPTFunction
build-TravelGPTFunction:
	@python="$$(scripts/python.sh)" && \
	"$$python" scripts/stamp_api_deployment.py --check && \
	"$$python" scripts/build_package.py --target "$(ARTIFACTS_DIR)"
