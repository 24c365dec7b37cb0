# NiN4J. `make` alone lists what there is.
.DEFAULT_GOAL := help
.PHONY: help build train test bench doctor kernels stand-in cuda-libs cudnn-table gpu-kit clean

MVN := mvn -B -ntp

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## compile and package, without tests
	$(MVN) -q -DskipTests package

train: ## build, get the data, train Network in Network, evaluate
	@./nin train --or-shapes

test: stand-in ## run all tests and the formatter check
	$(MVN) verify

bench: ## measure steps and training, ours beside libtorch (BENCH=full: everything)
	@bench/run $(BENCH)

doctor: ## say whether the GPU can be used, and what would mend it
	@./nin doctor

kernels: ## compile the CUDA kernels for all architectures and show their resources (needs nvcc)
	@$(MAKE) --no-print-directory -C src/main/cuda

stand-in: ## build and test the CUDA stand-in that the tests use (needs g++)
	@if command -v g++ > /dev/null; then \
	  $(MAKE) --no-print-directory -s -j2 -C src/test/native test; \
	else echo "There is no g++: the tests on the CUDA stand-in are left out."; fi

# 1.8 GB; where pip has not all of them, nothing is left of it.
CUDA_LIBS := target/cuda-libs
cuda-libs: ## get the real cuDNN and NVRTC for the tests into target/, where pip has them
	@if [ -e $(CUDA_LIBS)/complete ]; then exit 0; fi; rm -rf $(CUDA_LIBS); \
	if python3 -m venv $(CUDA_LIBS) && timeout 600 $(CUDA_LIBS)/bin/pip install -q \
	    'nvidia-cudnn-cu13>=9.8,<10' nvidia-cublas nvidia-cuda-nvrtc nvidia-cuda-runtime; \
	then touch $(CUDA_LIBS)/complete; \
	else rm -rf $(CUDA_LIBS); \
	  echo "pip does not have the CUDA libraries: the tests that ask the real cuDNN are left out."; fi

cudnn-table: stand-in cuda-libs ## ask the real cuDNN for all engines and plans (minutes; no GPU)
	$(MVN) -q test -Dtest=RealCudnnTest -Dreal.cudnn.table=bench/results/cudnn-engines.md

gpu-kit: ## make a folder that proves and measures the CUDA backend on any GPU machine
	@bench/gpu-kit/build

clean: ## remove what was built
	rm -rf target gpu-kit
