# make          builds bin/imsrevoke
# make demo     shows the whole job on a simulated cloud
# make test     runs the tests
# make check    is what every change has to pass
# make crash    kills the program CRASHES times, and judges what is left of its work
# make e2e      runs the program against a real Glance and Keystone; needs root and Debian 12
# make image    builds the container image of samples/container, IMAGE=, with podman, docker or buildah
# make docs     writes man pages and completions to bin/docs
# make dist     builds archives for all systems into dist/, the same bytes each time; VERSION=
# make duel     races the program against other clients of the same Glance, ROUNDS times
# make fuzz     looks for trouble, FUZZTIME for each target
# make bench    compares the program with the plainest ones, in some minutes
# make pace     judges by the server's clock how the rate is kept, in four minutes
# make scale    shows how the cost grows up to ten million rows, in a quarter of an hour
# make microbench  measures what the parts cost
# make profile  shows where the time of a run goes, and what it allocates
# make picture  draws the demo for the README

FUZZTIME ?= 30s
CRASHES ?= 200
ROUNDS ?= 3
DOCS ?= bin/docs
IMAGE ?= imsrevoke
BUILDER ?= $(firstword $(shell command -v podman) $(shell command -v docker) $(shell command -v buildah) podman)
CA_BUNDLE ?= /etc/ssl/certs/ca-certificates.crt
# A version is text, and no command: recipes take it from the environment.
export VERSION
# The race detector needs a C compiler; without one the tests run without it.
RACE ?= $(shell command -v gcc >/dev/null 2>&1 && echo -race)

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK_BIN ?= $(shell go env GOPATH)/bin/govulncheck
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOVULNCHECK_INSTALL ?= go install $(GOVULNCHECK)

.PHONY: build demo test check lint vuln crash e2e duel image docs dist fuzz bench pace scale microbench profile picture clean

# Without the C library, as in what make dist hands out: a start takes a fifth
# less, and the program runs on any Linux. The program records its commit, whatever
# GOFLAGS says; BUILDVCS=false leaves it out, where git cannot be used.
BUILDVCS ?= auto
build:
	CGO_ENABLED=0 go build -trimpath -buildvcs=$(BUILDVCS) -o bin/imsrevoke ./cmd/imsrevoke

demo:
	go run ./cmd/imsrevoke demo

# The tests have a temporary directory of their own, and must leave nothing in it.
test:
	@dir=$$(mktemp -d) && chmod 1777 "$$dir" && trap 'rm -rf "$$dir"' EXIT && \
	TMPDIR=$$dir go test $(RACE) -shuffle=on -timeout 30m ./... && \
	left=$$(ls -A "$$dir") && \
	if [ -n "$$left" ]; then echo "the tests have left in their temporary directory:"; echo "$$left"; exit 1; fi

check: lint vuln
	$(MAKE) test RACE=-race
	go test -run '^TestAllocations$$' ./batch/... ./report # the race detector allocates, too

# What is undefined on Windows alone is mostly in a test file that begins with
# //go:build !windows; the file that needs it begins with that, too.
lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "run gofmt on:"; echo "$$unformatted"; exit 1; fi
	go vet -tags e2e ./...
	GOOS=darwin go vet ./...
	GOOS=windows go vet ./...
	go run $(STATICCHECK) -tags e2e ./...
	go mod tidy -diff

# The database of known vulnerabilities is on the network; if it cannot be reached,
# that is not a failure. Exit code 1 is an error of govulncheck, 3 means that it found something.
vuln:
	@$(GOVULNCHECK_INSTALL)
	@out=$$("$(GOVULNCHECK_BIN)" ./... 2>&1); code=$$?; \
	if [ $$code -eq 1 ] && echo "$$out" | grep -q '^govulncheck: fetching vulnerabilities: .*\(dial\|lookup\|timeout\|refused\|unreachable\)'; then \
		echo "govulncheck: the database cannot be reached, not checked"; \
	else echo "$$out"; exit $$code; fi

# A few kills are part of the tests, too.
crash:
	go test -count=1 -timeout 1h -v -run '^TestCrash$$' ./cmd/crash -args -kills $(CRASHES)

e2e:
	.ci/e2e

duel:
	.ci/e2e duel -rounds $(ROUNDS)

# Only these two files are in the image, so that only they are sent to the builder.
image:
	mkdir -p bin/image
	cp $(CA_BUNDLE) bin/image/ca-certificates.crt
	CGO_ENABLED=0 GOOS=linux go build -trimpath -buildvcs=$(BUILDVCS) -o bin/image/imsrevoke ./cmd/imsrevoke
	$(BUILDER) build -t $(IMAGE) -f samples/container/Containerfile bin/image

docs: build
	mkdir -p $(DOCS)/man $(DOCS)/completions
	bin/imsrevoke completion bash >$(DOCS)/completions/imsrevoke.bash
	bin/imsrevoke completion zsh >$(DOCS)/completions/_imsrevoke
	bin/imsrevoke completion fish >$(DOCS)/completions/imsrevoke.fish
	bin/imsrevoke completion powershell >$(DOCS)/completions/imsrevoke.ps1
	version=$${VERSION:-$$(bin/imsrevoke version | cut -d ' ' -f 2)} && \
	go test -count=1 -ldflags "-X imsrevoke/cmd/internal/version.number=$$version" -run '^TestManPages$$' ./cmd/internal/cli -args -man $(abspath $(DOCS)/man)

dist:
	.ci/dist

fuzz:
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

# Linux only. BENCHFLAGS: -rounds 3, -rows 20000, -only std,imsrevoke, -out FILE.
bench: build
	go run ./cmd/bench compare -out bin/bench.txt $(BENCHFLAGS)

pace: build
	go run ./cmd/bench pace $(BENCHFLAGS)

scale: build
	go run ./cmd/bench scale $(BENCHFLAGS)

microbench:
	go test -run '^$$' -bench . -benchmem ./batch/... ./report/...

profile:
	@dir=$$(mktemp -d) && \
	go test -run '^$$' -bench '^BenchmarkRun$$' -benchtime 5x -benchmem -cpuprofile $$dir/cpu.prof -o $$dir/profile.test ./cmd/bench && \
	go test -run '^$$' -bench '^BenchmarkRun$$' -benchtime 1x -memprofilerate 512 -memprofile $$dir/mem.prof ./cmd/bench >/dev/null && \
	go tool pprof -top -nodecount 40 $$dir/profile.test $$dir/cpu.prof && \
	go tool pprof -top -nodecount 40 -sample_index alloc_objects $$dir/profile.test $$dir/mem.prof; \
	rm -f bench.test; rm -rf $$dir

picture:
	go test -count=1 -run '^TestPicture$$' ./cmd/imsrevoke -update

clean:
	rm -rf bin dist
