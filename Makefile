# NiN4J. `make` alone lists what there is.
.DEFAULT_GOAL := help
.PHONY: help build train check test test-all test-cpu test-jdk test-spark spark bench doctor kernels stand-in
.PHONY: cuda-libs cudnn-table fuzz judges pins release dist gpu-kit gpu-kit-rehearsal clean

MVN := mvn -B -ntp
ISA ?= AVX2

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## compile and package, without tests
	$(MVN) -q -DskipTests package

train: ## build, get the data, train Network in Network, evaluate
	@./nin train --or-shapes --minutes 9

# Packages whose tests need no more than moments each, and no clock; most of the time is Maven's and javac's.
CHECKED := **/tensor/*Test,**/model/**/*Test,**/plan/**/*Test,**/data/*Test,**/data/picture/*Test,
CHECKED := $(CHECKED)**/train/recipe/*Test,**/train/history/*Test,**/train/checkpoint/*Test,**/cli/option/*Test,
CHECKED := $(CHECKED)**/cli/output/*Test,TablesTest,WindowsLauncherTest,PlatformTest,StepCasesTest,StudyJsonTest,!TimeBudgetOptionTest
check: ## the formatter, the compiler's warnings and the fast tests: within a minute, before each commit
	$(MVN) -q spotless:check test -Dtest='$(CHECKED)' -Dtest.jvm.flags=-XX:TieredStopAtLevel=1

test: stand-in ## run the tests and the formatter check, some 10 minutes on two cores
	$(MVN) verify

test-all: stand-in ## the same with the slow ones: every network on the CUDA stand-in as libtorch trained it
	$(MVN) verify -Dtest.excluded=

# What depends on the processor: the CPU backend and what trains on it.
test-cpu: ## run the tests of the CPU backend as on a lesser processor (ISA=AVX2 or another of oneDNN's)
	ONEDNN_MAX_CPU_ISA=$(ISA) $(MVN) test \
	  -Dtest='**/onednn/**/*Test,**/train/**/*Test,**/cli/**/*Test,ExampleTest,!LauncherTest'

# The module and the core together, so that neither must be installed; of the tests only the module's.
SPARK := $(MVN) -f spark/with-core.xml
test-spark: ## build the module for Apache Spark and run its tests, some 4 minutes
	$(SPARK) verify -Dtest='org.nin4j.spark.*Test' -Dsurefire.failIfNoSpecifiedTests=false

spark: ## build spark/target/nin4j-spark-all.jar, which spark-submit takes
	@$(SPARK) -q -Dmaven.test.skip=true package && ls spark/target/nin4j-spark-all.jar

# All but the CUDA stand-in, most of whose time is C++; in a folder of its own.
test-jdk: ## build with another JDK and run the tests, without the CUDA stand-in (JDK=/usr/lib/jvm/...)
	JAVA_HOME=$(JDK) $(MVN) -Dbuild.folder=target/$(notdir $(JDK)) verify \
	  -Dtest='!%regex[.*(cuda|standin).*]'

# What breaks a reader is written to target/fuzz, with the bytes that did; copied to
# src/test/resources/org/nin4j/fuzz/READER it is tested from then on.
READERS := IDX CIFAR PICTURE WEIGHTS CHECKPOINT NETWORK STUDY CONFIG HISTORY ELF LINKER_CACHE COMMAND_LINE
SECONDS := 60
FUZZ := $(CURDIR)/target/fuzz
fuzz: ## look for bytes that break the readers of files, SECONDS=60 for each (READERS="IDX ELF" for some)
	@$(MVN) -q -Pfuzz test-compile dependency:build-classpath -Dmdep.outputFile=$(FUZZ)/class-path
	@path=$(CURDIR)/target/test-classes:$(CURDIR)/target/classes:$$(cat $(FUZZ)/class-path); \
	java -Djava.awt.headless=true -cp $$path org.nin4j.fuzz.Fuzz $(FUZZ)/seeds || exit 1; \
	found=0; for reader in $(READERS); do mkdir -p $(FUZZ)/$$reader; cd $(FUZZ)/$$reader; \
	  echo "$$reader: $(SECONDS) s"; \
	  java -Xmx1g -Djava.awt.headless=true -Dfuzz.target=$$reader -cp $$path \
	    com.code_intelligence.jazzer.Jazzer --target_class=org.nin4j.fuzz.Fuzz \
	    '--instrumentation_includes=org.nin4j.**:com.twelvemonkeys.**' \
	    '--instrumentation_excludes=org.nin4j.fuzz.**' -max_total_time=$(SECONDS) -timeout=30 \
	    -rss_limit_mb=4096 -max_len=20000 -print_final_stats=1 \
	    $(FUZZ)/$$reader $(FUZZ)/seeds/$$reader > log.txt 2>&1 \
	    || { found=1; grep -A 3 -e '== Java Exception' -e 'ERROR' log.txt; }; \
	  grep -e number_of_executed -e cov: log.txt | tail -n 2; \
	done; exit $$found

bench: ## measure steps and training, ours beside libtorch (BENCH=full: everything)
	@bench/run $(BENCH)

# After a library has another version: look at what has changed before you commit it.
PLATFORMS := linux-x86_64 linux-arm64 macosx-arm64 macosx-x86_64 windows-x86_64
pins: ## write down the SHA-256 of all libraries that NiN4J runs with, on all platforms
	@rm -rf target/pins; for platform in $(PLATFORMS); do \
	  $(MVN) -q -Djavacpp.platform=$$platform dependency:copy-dependencies -DincludeScope=runtime \
	    -DoutputDirectory=target/pins || exit 1; done; \
	cd target/pins && sha256sum -- *.jar > ../../dependencies.sha256

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
	if python3 -m venv $(CUDA_LIBS) && timeout 600 $(CUDA_LIBS)/bin/pip install -q --retries 0 \
	    'nvidia-cudnn-cu13>=9.8,<10' nvidia-cublas nvidia-cuda-nvrtc nvidia-cuda-runtime; \
	then touch $(CUDA_LIBS)/complete; \
	else rm -rf $(CUDA_LIBS); \
	  echo "pip does not have the CUDA libraries: the tests that ask the real cuDNN are left out."; fi

# PyTorch, safetensors and TensorBoard, 1 GB: others' readers of what we write.
JUDGES := target/judges
judges: ## get the Python programs that tests let judge our files into target/, where pip has them
	@if [ -e $(JUDGES)/complete ]; then exit 0; fi; rm -rf $(JUDGES); \
	if python3 -m venv $(JUDGES) && timeout 600 $(JUDGES)/bin/pip install -q --retries 0 \
	    torch safetensors numpy tensorboard; \
	then touch $(JUDGES)/complete; \
	else rm -rf $(JUDGES); echo "pip does not have the judges: their tests are left out."; fi

# Tests that need Python take this one; $$NIN4J_PYTHON names another.
export NIN4J_PYTHON ?= $(shell if [ -e $(JUDGES)/complete ]; then \
	echo $(CURDIR)/$(JUDGES)/bin/python3; else echo python3; fi)

cudnn-table: stand-in cuda-libs ## ask the real cuDNN for all engines and plans (minutes; no GPU)
	$(MVN) -q test -Dtest=RealCudnnTest -Dreal.cudnn.table=bench/results/cudnn-engines.md

# What a user takes on with the library, its jar included, in MB.
MOST_MEGABYTES := 44
release: ## the jar with sources, Javadoc and a bill of materials, and how large it is with all it needs
	@$(MVN) -q -Prelease -DskipTests package
	@ls target/nin4j*.jar target/bom.json; \
	megabytes=$$(du -cm target/nin4j.jar target/lib/*.jar | tail -n 1 | cut -f 1); \
	echo "with all libraries: $$megabytes MB of at most $(MOST_MEGABYTES)"; \
	[ "$$megabytes" -le $(MOST_MEGABYTES) ]

# PLATFORM=linux-arm64 JMODS=DIR for another machine, JDK=DIR for another Java: see src/dist/build.
dist: ## an archive that needs neither Java nor Maven, tried in another folder (PLATFORM=... JMODS=... JDK=...)
	@src/dist/build
	@if [ -z "$$PLATFORM" ]; then src/dist/check; fi

gpu-kit: ## make a folder that proves and measures the CUDA backend on any GPU machine
	@bench/gpu-kit/build

gpu-kit-rehearsal: stand-in gpu-kit ## run the kit on the stand-in, and kill each part in its middle
	@if command -v g++ > /dev/null; then bench/gpu-kit/rehearse; \
	else echo "There is no g++, so no stand-in: the kit is not rehearsed."; fi

clean: ## remove what was built
	rm -rf target spark/target gpu-kit gpu-work gpu-report
