//go:build !windows

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDistRefusesWhatIsNoVersion: the name of a tag becomes a part of commands.
func TestDistRefusesWhatIsNoVersion(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v1';id>injected;'", "v1$(id)", "v1 -X main.x=y", "-v1", "../v1", "v1\nv2", "v1`id`"} {
		cmd := exec.CommandContext(t.Context(), "bash", "../../.ci/dist")
		cmd.Env = append(cmd.Environ(), "VERSION="+version)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "is no version") {
			t.Errorf("%q: %v: %s", version, err, out)
		}
	}
}
