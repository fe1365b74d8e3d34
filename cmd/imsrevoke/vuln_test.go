//go:build !windows

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestVulnExcusesOnlyItsDatabase: make vuln passes when govulncheck finds nothing,
// or cannot reach its database, and fails otherwise, whatever words are in what it
// prints.
func TestVulnExcusesOnlyItsDatabase(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip(err)
	}
	stub := filepath.Join(t.TempDir(), "govulncheck")
	if err := os.WriteFile(stub, []byte("#!/bin/sh\nprintf '%s\\n' \"$STUB_TEXT\"\nexit \"$STUB_CODE\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	const unreachable = `govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": `
	tests := []struct {
		name, text string
		code       int
		passes     bool
		want       string
	}{
		{"nothing found", "No vulnerabilities found.", 0, true, "No vulnerabilities found."},
		{"something found", "Vulnerability #1: GO-2026-0001", 3, false, "GO-2026-0001"},
		{"something found, with the words of a lost connection", "Vulnerability #1: GO-2026-0001\n    retried after dial tcp: connection refused", 3, false, "GO-2026-0001"},
		{"something found, with the line of a lost database", unreachable + "dial tcp: lookup vuln.go.dev: no such host", 3, false, "lookup vuln.go.dev"},
		{"no name server", unreachable + "dial tcp: lookup vuln.go.dev: no such host", 1, true, "the database cannot be reached, not checked"},
		{"no connection", unreachable + "dial tcp 192.0.2.1:443: connect: connection refused", 1, true, "the database cannot be reached, not checked"},
		{"another error", "govulncheck: loading packages: there are errors with the provided package patterns: dial tcp: i/o timeout", 1, false, "loading packages"},
		{"a database that answers with an error", unreachable + "unexpected status 500", 1, false, "unexpected status 500"},
		{"killed", "", 137, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "make", "--silent", "--directory", "../..", "vuln", "GOVULNCHECK_BIN="+stub, "GOVULNCHECK_INSTALL=:")
			cmd.Env = append(cmd.Environ(), "STUB_TEXT="+tt.text, "STUB_CODE="+strconv.Itoa(tt.code))
			out, err := cmd.CombinedOutput()
			if (err == nil) != tt.passes || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
