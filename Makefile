# Everything beyond Go, Node and Python 3 is pinned in the repository and installed into
# .local by the targets that need it; infra/local/commands.go says what each installs.

STACK  ?= BucketUser
FORMAT ?= env
# Context for deploy and destroy, such as: CONTEXT="-c bucketName=my-data -c onDelete=Retain"
CONTEXT ?=
# Stack of the provider, and its parameters, such as: PARAMETERS="BucketNamePattern=clickhouse-*"
PROVIDER   ?= BucketUserProvider
PARAMETERS ?=

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FIGURES     := .local/figures.txt
TOOLS       := go run ./infra/local/tools
# CDK's own validation of templates takes most of a synthesis; make template has it on.
QUICK       := CDK_VALIDATION=false JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20
SHELL       := /bin/bash -o pipefail

.DEFAULT_GOAL := help
.PHONY: help demo demo-down bootstrap deploy destroy deploy-provider destroy-provider release credentials check test lint unit race figures crash template e2e privilege examples golden clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## deploy to an embedded AWS on this machine and let ClickHouse use it
	@go run ./infra/demo up

demo-down: ## destroy the demo's stack, show that nothing is left, stop the embedded AWS
	@go run ./infra/demo down

bootstrap: ## prepare your account and region for the CDK, once
	@$(TOOLS) cdk bootstrap --app ""

deploy: ## deploy the stack to AWS with your own credentials; values as CONTEXT="-c bucketName=…"
	@$(TOOLS) cdk deploy $(STACK) -c stackName=$(STACK) $(CONTEXT)

destroy: ## destroy that stack; what happens to the data is the value of onDelete
	@$(TOOLS) cdk destroy $(STACK) -c stackName=$(STACK) $(CONTEXT)

deploy-provider: ## deploy the provider that all stacks of the account and region can use; PARAMETERS="BucketNamePattern=…"
	@$(TOOLS) cdk deploy $(PROVIDER) -c provider=true -c stackName=$(PROVIDER) $(CONTEXT) $(foreach p,$(PARAMETERS),--parameters '$(p)')

destroy-provider: ## destroy it; refused as long as a stack imports its service token
	@$(TOOLS) cdk destroy $(PROVIDER) -c provider=true -c stackName=$(PROVIDER) $(CONTEXT)

release: ## zip files of the function, template and checksums into .local/release; VERSION=1.2.3
	@$(QUICK) go run ./infra/release -version '$(VERSION)' 2> >(grep -v 'Runtime process exited abnormally' >&2)

credentials: ## print the credentials of STACK; FORMAT=env, csv or json
	@go run ./infra/credentials -stack $(STACK) -format $(FORMAT)

check: lint unit ## the quick part of the tests, for while you work

test: ## everything that CI runs; ends with its figures
	@rm -f $(FIGURES)
	@$(MAKE) --no-print-directory lint race template figures e2e privilege examples
	@echo; echo "Figures:"; sed 's/^/  /' $(FIGURES)

lint: ## formatting, vet, staticcheck, go.mod
	@test -z "$$(gofmt -l lambda infra)" || { gofmt -l lambda infra; echo "run gofmt -w on these"; exit 1; }
	go mod tidy -diff
	go vet ./...
	go vet -tags e2e ./...
	cd infra/examples/cdk-go && go mod tidy -diff && go vet .
	cd infra/examples/offline && go mod tidy -diff && go vet -tags e2e ./...
	go run $(STATICCHECK) -tags e2e ./...

unit: ## unit tests
	$(QUICK) go test -short -skip '^(TestCrash|TestRace)$$' ./...

race: ## unit tests with the race detector
	$(QUICK) go test -race -short -skip '^(TestCrash|TestRace)$$' ./...

# These print what they counted, which go test shows for a single folder only.
figures: ## crash points, races, random walks, and the fuzz targets for 20 s each
	@mkdir -p $(dir $(FIGURES))
	@$(MAKE) --no-print-directory crash | tee -a $(FIGURES)
	@go test -C lambda/internal/walk -count=1 -v . | grep -E '^(---|ok|FAIL|panic)|random walks:' | tee -a $(FIGURES)
	@go test -C lambda/spec -run '^$$' -fuzz '^FuzzParse$$' -fuzztime 20s . | tail -2 | tee -a $(FIGURES)
	@go test -C lambda/internal/cfnresource -run '^$$' -fuzz '^FuzzHandle$$' -fuzztime 20s -fuzzminimizetime 10x . | tail -2 | tee -a $(FIGURES)

crash: ## every crash point, twice, and every race of the function on the fake AWS
	@go test -C lambda/internal/provision -count=1 -timeout 60m -run '^(TestCrash|TestRace)$$'

template: ## cfn-lint on the synthesized template
	@$(TOOLS) template

e2e: ## end-to-end tests on the embedded AWS, with the cdk CLI and ClickHouse
	FIGURES=$(abspath $(FIGURES)) go test -tags e2e -count=1 -timeout 30m ./infra/local ./infra/e2e

privilege: ## what the provider and the user may do, by two evaluators; prints the sizes of the matrices
	@mkdir -p $(dir $(FIGURES))
	@$(QUICK) go test -C infra/privilege -tags e2e -count=1 -timeout 20m | tee -a $(FIGURES)

examples: ## deploy, use, update and destroy the examples on the embedded AWS; parse the others
	$(QUICK) go test -tags e2e -count=1 -timeout 15m -parallel 4 ./infra/examples
	go test -C infra/examples/offline -tags e2e -count=1 ./...

golden: ## write golden templates and the README's tables anew, to be read in the diff
	$(QUICK) go test ./infra/bucketuser ./lambda/spec -update

clean: ## remove everything that make installed or built here
	rm -rf .local cdk.out
