# Everything beyond Go, Node and Python 3 is pinned in the repository and installed into
# .local by the targets that need it; infra/local/commands.go says what each installs.

STACK  ?= BucketUser
# Which resource credentials, status and rotate are of: the one in STACK, or the one with the logical id RESOURCE, or
# that of SECRET, a name or ARN. OUTPUT is a file to write, TIMEOUT how long to wait for a rotation, such as 20m.
# WHERE=aws does not ask the demo while that is up.
FORMAT   ?= env
RESOURCE ?=
SECRET   ?=
OUTPUT   ?=
WHERE    ?=
TIMEOUT  ?=
OPERATED  = $(if $(SECRET),--secret '$(SECRET)',--stack '$(STACK)' $(if $(RESOURCE),--resource '$(RESOURCE)'))
# File that keeps the values of stacks; values.yaml if that is there. See infra/production.md.
VALUES ?=
# Context for deploy, which wins over that file, such as: CONTEXT="-c bucketName=my-data -c onDelete=Retain". It counts for
# one deployment. A destruction takes the values of the last one.
CONTEXT ?=
# Properties or parameters whose changes are agreed to where nobody is asked, such as: ACCEPT="Prefix". ACCEPT=users has
# make destroy-provider go on although users need the provider.
ACCEPT ?=
# What to ask about before rights change, as --require-approval of the cdk CLI has it: never, any-change, broadening.
# Without a terminal only never works, also for a destruction; changes that nobody may have meant then need ACCEPT.
APPROVAL ?=
# Stack of the provider, and its parameters, such as: PARAMETERS="BucketNamePattern=clickhouse-*"
PROVIDER   ?= BucketUserProvider
PARAMETERS ?=

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
EXHAUSTIVE  := github.com/nishanths/exhaustive/cmd/exhaustive@v0.17.1
GOCOGNIT    := github.com/uudashr/gocognit/cmd/gocognit@v1.3.0
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.9
FIGURES     := .local/figures.txt
RUN         := .local/stages
TOOLS       := sh infra/local/run.sh tools.bin ./infra/local/tools
SETTLED      = -values '$(VALUES)' -approval '$(APPROVAL)' -accept '$(ACCEPT)'
# CDK's own validation of templates takes most of a synthesis; make template has it on.
QUICK       := CDK_VALIDATION=false JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20
SHELL       := /bin/bash -o pipefail

.DEFAULT_GOAL := help
.PHONY: help demo demo-down bootstrap deploy destroy deploy-provider destroy-provider synth release credentials status rotate check test lint unit race crash crash-all walks pace fuzz history template e2e privilege examples live bench golden clean

##@ Use it

help: ## list the commands
	@awk -F ':.*## ' '/^##@ / {sub(/^##@ /, ""); print $$0 ":"} /^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## deploy to an embedded AWS here; ClickHouse uses it
	@sh infra/local/run.sh demo ./infra/demo up

demo-down: ## remove that; FORCE=1 ends it whatever it does or holds
	@test -e .local/demo.lock -o -e .local/aws.json || { echo "no demo was started here: there is nothing to clean up"; exit 0; }; \
		sh infra/local/run.sh demo ./infra/demo down $(if $(filter-out 0 false,$(FORCE)),-force)

bootstrap: ## prepare your AWS account and region for the CDK, once
	@$(TOOLS) bootstrap $(CONTEXT)

deploy: ## deploy STACK to AWS, with its values of values.yaml
	@$(TOOLS) deploy -stack '$(STACK)' $(SETTLED) -- $(CONTEXT)

destroy: ## destroy STACK; says before what becomes of the data
	@$(TOOLS) destroy -stack '$(STACK)' -approval '$(APPROVAL)' -- $(CONTEXT)

deploy-provider: ## deploy the provider that stacks of other apps use
	@$(TOOLS) deploy -provider -stack '$(PROVIDER)' $(SETTLED) -- $(CONTEXT) $(foreach p,$(PARAMETERS),--parameters '$(p)')

destroy-provider: ## destroy it; refused while somebody uses it
	@$(TOOLS) destroy -provider -stack '$(PROVIDER)' -approval '$(APPROVAL)' -accept '$(ACCEPT)' -- $(CONTEXT)

credentials: ## print credentials of STACK; FORMAT=env, csv, json, …
	@$(TOOLS) operator -where '$(WHERE)' credentials $(OPERATED) --format '$(FORMAT)' $(if $(OUTPUT),--output '$(OUTPUT)')

status: ## say whether STACK works, and what is wrong; FORMAT=json
	@$(TOOLS) operator -where '$(WHERE)' status $(OPERATED) $(if $(filter-out file,$(origin FORMAT)),--format '$(FORMAT)')

rotate: ## rotate the key of STACK now, where it has a schedule
	@$(TOOLS) operator -where '$(WHERE)' rotate $(OPERATED) $(if $(TIMEOUT),--timeout '$(TIMEOUT)')

clean: ## remove all that make has installed or built here
	@test ! -e .local/demo.lock -a ! -e .local/aws.json || sh infra/local/run.sh demo ./infra/demo clean
	rm -rf .local cdk.out

##@ Work on it

# Into .local/synth, without the function, and unvalidated, which make template is not.
synth: ## write the template of STACK, for while you work on it
	@$(QUICK) $(TOOLS) synth -stack '$(STACK)' -values '$(VALUES)' -- $(CONTEXT)

check: lint unit ## the quick part of the tests, for while you work

# Each stage is a target of its own. Two run beside each other, since those of the embedded AWS wait most of their time, for
# processes and for clocks; the others let them go first. The next in this order begins when one ends, and lint comes
# before all: what it downloads the examples need. What a stage prints is shown when it ends. After one that fails no
# other begins.
STAGES  := lint e2e race crash privilege examples template history walks pace fuzz
WAITING := e2e privilege examples

test: ## everything that CI runs, with its minutes and figures
	@rm -rf $(RUN) $(FIGURES) && mkdir -p $(RUN)
	@echo "this takes some 30 minutes; $(RUN) has what each stage prints"; sh infra/local/stages.sh $(RUN) $$$$ & \
		start=$$(date +%s); $(MAKE) --no-print-directory -j2 $(addprefix stage-,$(STAGES)) || { cat $(RUN)/failed 2> /dev/null; exit 1; }; \
		took=$$(($$(date +%s) - start)); printf '%3d:%02d  in all\n' $$((took / 60)) $$((took % 60)) >> $(RUN)/minutes
	@echo; echo "Minutes:"; cat $(RUN)/minutes
	@echo; echo "Figures:"; sed 's/^/  /' $(RUN)/*.figures

$(filter-out stage-lint,$(addprefix stage-,$(STAGES))): stage-lint

# The make of a stage is one of its own, as that of whoever runs the stage alone: the tests run make, too.
stage-%:
	@start=$$(date +%s); printf 'make %s has begun, see %s\n' $* $(RUN)/$*.txt; \
		env -u MAKEFLAGS -u MFLAGS $(if $(filter $*,$(WAITING)),,nice) make --no-print-directory FIGURES=$(RUN)/$*.figures $* > $(RUN)/$*.txt 2>&1; status=$$?; \
		took=$$(($$(date +%s) - start)); printf '%3d:%02d  %s\n' $$((took / 60)) $$((took % 60)) $* >> $(RUN)/minutes; \
		printf '\nmake %s has ended after %d:%02d:\n' $* $$((took / 60)) $$((took % 60)); cat $(RUN)/$*.txt; echo; \
		test $$status = 0 || { echo "failed: make $*, see $(RUN)/$*.txt" >> $(RUN)/failed; exit 1; }

lint: ## formatting, vet, linters, floors of packages, go.mod
	@test -z "$$(gofmt -l lambda infra)" || { gofmt -l lambda infra; echo "run gofmt -w on these"; exit 1; }
	@! git grep -nE 'nolint|exhaustive:ignore|gocognit:ignore' -- '*.go' || { echo "mend these instead"; exit 1; }
	go mod tidy -diff
	go vet ./...
	go vet -tags e2e ./...
	cd infra/examples/cdk-go && go mod tidy -diff && go vet .
	cd infra/examples/offline && go mod tidy -diff && go vet -tags e2e ./...
	cd lambda/internal/bench/peers/minio && go mod tidy -diff && go vet .
	go run $(STATICCHECK) -tags e2e ./...
	GOFLAGS=-tags=e2e go run $(EXHAUSTIVE) -typeignore '^(github\.com/aws/|reflect\.)' ./...
	go run $(GOCOGNIT) -over 15 lambda infra
	go run $(ACTIONLINT) -shellcheck= -pyflakes=
	go test -count=1 -run '^(TestImports|TestDependencies)$$' ./lambda ./infra/internal/compile

unit: ## unit tests
	$(QUICK) go test -short -timeout 30m -skip '^(TestCrash|TestRace|TestLaws)$$' ./...

race: ## unit tests with the race detector
	$(QUICK) go test -race -short -timeout 30m -skip '^(TestCrash|TestRace|TestLaws)$$' ./...

# The lines of these that hold figures go into the file of the figures. go test shows them for a single folder only. The
# tests by number are thinned out in every other stage. From every third state each call is broken twice.
FIGURE = awk -v file='$(FIGURES)' -v pattern='$(1)' -v name='$(2)' -f infra/local/figures.awk

crash: ## each call of the function broken, on the fake AWS
	@mkdir -p .local
	@go test -C lambda/internal/provision -count=1 -timeout 60m -skip '^TestEarlierVersionsAreThoseOfTheHistory$$' | $(call FIGURE,^(crash points|races|laws):)

crash-all: ## the same exhaustively: some 20 minutes
	go test -C lambda/internal/provision -count=1 -timeout 90m -run '^(TestCrash|TestRace|TestLaws)$$' . -all -v | grep -vE '^ *(=== |--- PASS)'

walks: ## random walks
	@mkdir -p .local
	@go test -C lambda/internal/walk -count=1 -v . | grep -E '^(---|ok|FAIL|panic)|random walks:' | $(call FIGURE,random walks:)

pace: ## how fast a bucket is emptied, in virtual time
	go test -C lambda/internal/purge -count=1 -run '^(TestIsFast|TestKeepsThePace|TestPagesOfOtherStores|TestUnfinishedInTime)' .

# What a fuzzer has found interesting it keeps, in each checkout for itself: one that has found much spends its time with that.
FUZZ = go test -C lambda/$(1) -run '^$$' -fuzz '^$(2)$$' -fuzztime 20s $(3) . -test.fuzzcachedir=$(abspath .local/fuzz/$(2)) | $(call FIGURE,^fuzz: elapsed:,$(2))

fuzz: ## the fuzz targets, for 20 s each
	@mkdir -p .local
	@$(call FUZZ,spec,FuzzParse)
	@$(call FUZZ,internal/cfnresource,FuzzHandle,-fuzzminimizetime 10x)
	@$(call FUZZ,internal/purge,FuzzEmpty,-fuzzminimizetime 10x)

history: ## what earlier versions left behind, built again
	go test -count=1 -run '^(TestEarlierVersionsAreThoseOfTheHistory|TestReadmeCommandsRun)$$' ./lambda ./lambda/internal/provision

template: ## cfn-lint on the synthesized templates
	@$(TOOLS) template

# They wait most of their time, so more of them run beside each other than there are cores.
e2e: ## on the embedded AWS, with the cdk CLI and ClickHouse
	FIGURES=$(abspath $(FIGURES)) go test -tags e2e -count=1 -timeout 30m -parallel 4 ./infra/local ./infra/e2e
	@go test -run '^$$' -bench '^BenchmarkStart$$' -benchtime 50x ./infra/internal/compile | grep '^Benchmark' | $(call FIGURE,^Benchmark)

privilege: ## what provider and user may do, by two evaluators
	@mkdir -p .local
	@$(QUICK) FIGURES=$(abspath $(FIGURES)) go test -C infra/privilege -tags e2e -count=1 -timeout 20m

examples: ## deploy the examples on the embedded AWS, parse others
	$(QUICK) go test -tags e2e -count=1 -timeout 30m -parallel 4 ./infra/examples
	go test -C infra/examples/offline -tags e2e -count=1 ./...

# It costs some 5 US cents, and leaves nothing. LIVE=yes asks nothing. CLEAN=1 removes what a run that was killed has left.
# NAME is that of a run, such as bucketuser-live-x7k2p9: to begin beside others, or to clean up after that one alone.
# OBJECTS is how many versions and delete markers are purged.
OBJECTS ?= 2000

live: ## the whole life on your AWS account, asks first; LIVE=yes
	@sh infra/local/run.sh acceptance ./infra/live -yes '$(LIVE)' -objects '$(OBJECTS)' $(if $(CLEAN),-clean) $(if $(filter command,$(origin NAME)),-name '$(NAME)')

# Others are measured in the same runs. BENCH=B2 is one benchmark of B1 to B8.
BENCH ?=
RUNS  ?= 5

bench: ## how fast a bucket is emptied, 40 minutes; BENCH=B2
	@go run ./lambda/internal/bench -bench '$(BENCH)' -runs '$(RUNS)' -write

golden: ## write golden templates and README's tables anew
	$(QUICK) go test ./infra/bucketuser ./lambda/spec ./infra/internal/formats -update

release: ## write the files of a release; VERSION=1.2.3
	@$(QUICK) sh infra/local/run.sh releaser ./infra/release -version '$(VERSION)'
