# khocr: what can be done with this checkout. `make` alone lists it.

# Where the images go for a cluster of your own, for example IMAGE_PREFIX=registry.example.com/ocr/ IMAGE_TAG=v0.1.0.
IMAGE_PREFIX ?= khocr/
IMAGE_TAG ?= latest
# What the programs say that they are. Not taken from Git: a commit that changes no code shall change no image.
VERSION ?= dev
# Where programs and images are built, and with which build tags, so that a test build leaves the normal one alone.
BIN ?= bin
IMAGES ?= .local/images
TAGS ?=
# A folder with folders of documents and their texts, for `make bench` and `make train`.
DATA ?=
# What hack/train/compare.py is told besides.
COMPARE_FLAGS ?=
# A backup, for `make backup` and `make restore`.
FILE ?=
# What hack/train/train.sh is told besides, for example TRAIN_FLAGS="--lines 8000 --pages 500".
TRAIN_FLAGS ?=
# How many bad documents `make test-corpus` makes, and the seed of those that it makes by chance.
CORPUS_FILES ?= 2000
CORPUS_SEED ?= 1
# How long `make test-chaos` breaks things, and by which seed; one from the clock where it is empty.
CHAOS_MINUTES ?= 60
CHAOS_SEED ?=
# How long `make test-load` offers the gateway four times what it takes.
LOAD_MINUTES ?= 10
# Arguments for every `go test`, for example TEST_FLAGS="-race -count=1".
TEST_FLAGS ?=

K8S := $(CURDIR)/bin/k8s
TOOL := go tool -modfile=hack/tools/go.mod
# Modules of ours; the heavy ones stay out of the product's go.mod.
MODULES := . hack/images hack/localcluster hack/manifests hack/network test/web
SCRIPTS := .ci/run $(wildcard hack/*.sh hack/train/*.sh)
# The same sources give the same bytes, wherever they are built: image tags are derived from them.
BUILD_FLAGS := -trimpath -buildvcs=false -tags='$(TAGS)' -ldflags='-s -w -X main.version=$(VERSION)'
# Without it zlib and libjpeg in MuPDF's archive take the place of those that Tesseract's libraries were built with.
ENGINE_LDFLAGS := -O2 -g -Wl,--exclude-libs,ALL

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Use

.PHONY: demo
demo: ## Start Kubernetes and khocr on this machine, convert a document, leave it running
	hack/demo.sh

.PHONY: down
down: ## Remove every cluster of this checkout, and what it stored
	hack/down.sh

.PHONY: deploy
deploy: ## Install khocr on the cluster of KUBECONFIG, with images IMAGE_PREFIX{manager,apigateway,relay,worker}:IMAGE_TAG
	hack/deploy.sh config/default \
		manager=$(IMAGE_PREFIX)manager:$(IMAGE_TAG) \
		apigateway=$(IMAGE_PREFIX)apigateway:$(IMAGE_TAG) \
		relay=$(IMAGE_PREFIX)relay:$(IMAGE_TAG) \
		worker=$(IMAGE_PREFIX)worker:$(IMAGE_TAG)

.PHONY: undeploy
undeploy: ## Remove khocr from the cluster of KUBECONFIG, with its jobs, organizations and documents
	hack/undeploy.sh

.PHONY: backup
backup: ## Back up what khocr on the cluster of KUBECONFIG keeps into FILE
	hack/backup.sh "$(FILE)"

.PHONY: restore
restore: ## Make again what FILE holds on the cluster of KUBECONFIG, before khocr is deployed there
	hack/restore.sh "$(FILE)" $(IMAGE_PREFIX)apigateway:$(IMAGE_TAG)

##@ Build

.PHONY: build
build: ## Compile the programs into bin/
	mkdir -p $(BIN)
	CGO_ENABLED=0 go build $(BUILD_FLAGS) -o $(BIN)/ ./cmd/manager ./cmd/apigateway ./cmd/worker ./cmd/relay ./cmd/khocr
	ln -sf khocr $(BIN)/kubectl-ocr # what makes it `kubectl ocr`, and completes that
	ln -sf khocr $(BIN)/kubectl_complete-ocr
	CGO_ENABLED=1 CGO_LDFLAGS="$(ENGINE_LDFLAGS)" go build $(BUILD_FLAGS) -o $(BIN)/ ./cmd/engine
	hack/tessdata.sh $(BIN)/tessdata

.PHONY: images
images: ## Make the container images in .local/images, without Docker
	hack/packages.sh build image
	$(MAKE) --no-print-directory build
	CGO_ENABLED=0 go build -C hack/images $(BUILD_FLAGS) -o $(abspath $(BIN))/ . ./samples
	CGO_ENABLED=0 go build $(BUILD_FLAGS) -o $(BIN)/endpoint ./test/endpoint/serve
	$(BIN)/images build --bin $(BIN) --out $(IMAGES)

.PHONY: cluster-programs
cluster-programs: ## Compile Kubernetes, etcd and an S3 server into bin/k8s (minutes, once)
	CGO_ENABLED=0 go build -C hack/localcluster -o $(CURDIR)/bin/localcluster .
	bin/localcluster build --bin bin/k8s

.PHONY: packages
packages: ## Install the Debian packages that are needed, or say which
	hack/packages.sh build image cluster demo test

.PHONY: tools
tools: ## Compile the tools that generate and check code, of the versions in hack/tools/go.mod
	$(TOOL) controller-gen --version
	$(TOOL) staticcheck --version
	$(TOOL) oapi-codegen -version
	$(TOOL) govulncheck -version

.PHONY: reproduce
reproduce: ## Build the images once more, elsewhere and from nothing, and compare the digests (minutes)
	hack/reproduce.sh $(IMAGES)

##@ Develop

.PHONY: generate
generate: ## Regenerate deep copies, apply configurations, CRDs, the manager's role, the API's client and the operator's alerts
	$(TOOL) controller-gen object applyconfiguration crd paths=./api/... output:crd:dir=config/crd/bases
	$(TOOL) controller-gen rbac:roleName=khocr-manager paths=./controllers/... output:rbac:dir=config/rbac
	$(TOOL) oapi-codegen -config client/generate.yaml apigateway/openapi/openapi.yaml
	hack/prometheus_rule.sh >config/monitoring/prometheus_rule.yaml

.PHONY: verify
verify: ## Fail if generated files or go.mod are not what the code asks for
	hack/verify.sh
	$(foreach module,$(MODULES),go -C $(module) mod tidy -diff &&) true

.PHONY: lint
lint: ## Check the code's form: gofmt, go vet, staticcheck, shellcheck
	@unformatted="$$(gofmt -l .)"; test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }
	$(foreach module,$(MODULES),go -C $(module) vet ./... &&) true
	$(foreach module,$(MODULES),(cd $(module) && go tool -modfile=$(CURDIR)/hack/tools/go.mod staticcheck ./...) &&) true
	@if command -v shellcheck >/dev/null; then shellcheck --external-sources $(SCRIPTS); else echo "shellcheck is not installed: skipped"; fi

.PHONY: vulncheck
vulncheck: ## Name known vulnerabilities that our code reaches (needs vuln.go.dev, or a copy named by GOVULNDB)
	hack/vulncheck.sh $(MODULES)

.PHONY: test
test: packages lint verify test-unit test-integration test-web test-e2e ## Everything that CI runs

.PHONY: test-unit
test-unit: ## Test the parts by themselves
	$(foreach module,$(MODULES),go -C $(module) test ./... $(TEST_FLAGS) &&) true

.PHONY: test-integration
test-integration: cluster-programs ## Test the parts against a real API server, with the race detector
	KUBEBUILDER_ASSETS=$(K8S) go test -race ./... $(TEST_FLAGS)
	KUBEBUILDER_ASSETS=$(K8S) go test -run='^TestPublicAPI$$/^Memory$$' ./apigateway $(TEST_FLAGS) # which the detector would distort
	KUBEBUILDER_ASSETS=$(K8S) go test -C hack/network ./... $(TEST_FLAGS)

.PHONY: test-web
test-web: packages build cluster-programs ## Use the page for people in Chromium; with KHOCR_WEB_URL and KHOCR_WEB_KEY that of a running gateway
	KUBEBUILDER_ASSETS=$(K8S) go test -C test/web -v -count=1 -timeout=1h -run='^TestPage$$' . $(TEST_FLAGS)

.PHONY: screenshots
screenshots: packages build cluster-programs ## Draw every screen of the page into docs/screenshots
	KUBEBUILDER_ASSETS=$(K8S) KHOCR_WEB_SCREENSHOTS=$(CURDIR)/docs/screenshots go test -C test/web -v -count=1 -timeout=1h -run='^TestScreenshots$$' . $(TEST_FLAGS)

.PHONY: test-takeover
test-takeover: cluster-programs ## Print what an engine and a worker that were taken over are refused, and what workers reach
	go test -v -run='Confined|Free|Thread|Lacks|There' ./worker/confine $(TEST_FLAGS)
	go test -v -run=TakenOver ./worker/engine $(TEST_FLAGS)
	KUBEBUILDER_ASSETS=$(K8S) go test -v ./test/takeover $(TEST_FLAGS)
	KUBEBUILDER_ASSETS=$(K8S) go test -C hack/network -v ./... $(TEST_FLAGS)

.PHONY: test-e2e
test-e2e: ## Test the whole platform on a Kubernetes of its own
	hack/e2e.sh $(TEST_FLAGS)

.PHONY: test-several
test-several: ## Test the whole platform with two gateways over S3 and Redis
	SEVERAL=true hack/e2e.sh $(TEST_FLAGS)

.PHONY: test-fuzz
test-fuzz: export FUZZTIME ?= 30s
test-fuzz: ## Try every fuzz target for FUZZTIME=30s each
	hack/test-fuzz.sh

.PHONY: test-quota
test-quota: export KHOCR_E2E_REPORT = $(CURDIR)/docs/reliability.md
test-quota: ## Prove quotas and fairness in many rounds (twenty minutes), and write docs/reliability.md
	KHOCR_E2E_ROUNDS=10 KHOCR_E2E_CROWD=300 hack/e2e.sh -v -timeout=2h -run='^(TestQuotaUnderFire|TestACrowdDelaysNobodyElse)$$' $(TEST_FLAGS)
	BIN=.local/stepped/bin IMAGES=.local/stepped/images TAGS=khocr_stepped_clock KHOCR_E2E_STEPPED_CLOCK=1 \
		hack/e2e.sh -v -timeout=1h -run='^TestQuotaAroundAMonthsEnd$$' $(TEST_FLAGS)

.PHONY: test-ai
test-ai: export KHOCR_E2E_REPORT = $(CURDIR)/docs/reliability.md
test-ai: export KHOCR_E2E_SEED ?= 1
test-ai: ## Read a document with an AI model whose endpoint fails in every way, and write docs/reliability.md
	hack/e2e.sh -v -run='^(TestAnAIModelReadsThroughEveryFault|TestAnEndpointComesAndGoes|TestAnEndpointMayNotBeTheClusterItself)$$' $(TEST_FLAGS)

.PHONY: test-load
test-load: cluster-programs ## Try the gateway at four times its limits for LOAD_MINUTES=10, and write docs/load.md
	KUBEBUILDER_ASSETS=$(K8S) go test -v -count=1 -timeout=$$(( $(LOAD_MINUTES) + 30 ))m -run='^TestLoad$$' ./test/load \
		-duration=$(LOAD_MINUTES)m -tenants=4 -report=$(CURDIR)/docs/load.md $(TEST_FLAGS)

.PHONY: test-corpus
test-corpus: packages build ## Read CORPUS_FILES bad documents as worker pods do (an hour), and write docs/bad-documents.md
	go run ./hack/corpus --files $(CORPUS_FILES) --seed $(CORPUS_SEED) --engine $(BIN)/engine --report docs/bad-documents.md

.PHONY: test-chaos
test-chaos: export KHOCR_E2E_REPORT = $(CURDIR)/docs/chaos.md
test-chaos: ## Break everything at random for CHAOS_MINUTES=60, by CHAOS_SEED, and write docs/chaos.md
	KHOCR_E2E_CHAOS_MINUTES=$(CHAOS_MINUTES) KHOCR_E2E_SEED=$(CHAOS_SEED) KHOCR_E2E_STORE_SIZE=2g \
		hack/e2e.sh -v -timeout=12h -run='^(TestChaos|TestAHighJobTakesTheRoomOfALowOne)$$' $(TEST_FLAGS)

.PHONY: bench
bench: ## Measure the packages, the images, the demo while it runs, and with DATA=DIR the accuracy on what is there
	hack/bench.sh "$(DATA)"

.PHONY: bench-scale
bench-scale: cluster-programs ## Measure the manager with 10,000 organizations and 5,000 jobs (a quarter of an hour)
	KUBEBUILDER_ASSETS=$(K8S) go test -run='^$$' -bench=Scale -benchtime=1x -timeout=2h ./hack/bench $(TEST_FLAGS)

.PHONY: train
train: ## Train the recogniser on DATA=DIR (hours; `make train TRAIN_FLAGS=--help`)
	hack/packages.sh build image train
	hack/train/train.sh --data "$(DATA)" $(TRAIN_FLAGS)

.PHONY: compare
compare: build ## Compare the recognisers on DATA=DIR and on pages drawn from it (an hour; COMPARE_FLAGS="--every 4" for less)
	hack/packages.sh build image train
	/usr/bin/python3 hack/train/compare.py --data "$(DATA)" $(COMPARE_FLAGS)

##@ Help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
