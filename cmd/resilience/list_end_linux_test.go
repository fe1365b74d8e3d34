package resilience

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/list"
)

// listArgs is a command line that lists all shares of the site.
func (s *site) listArgs(output string) []string {
	return []string{"list", "--output", output, "--rate", "unlimited", "--endpoint", s.endpoint}
}

// onlyLists expects of a directory that it has nothing but whole lists of that
// name, and files that were there before.
func onlyLists(t *testing.T, dir, name, whole string, before map[string]string) {
	t.Helper()
	for path, text := range snapshot(t, dir) {
		switch base := filepath.Base(path); {
		case before[path] == text && before[path] != "":
		case base == name && text == whole:
		case base == name, strings.HasSuffix(base, list.PartialEnding):
			t.Errorf("%s: %.60q", path, text)
		}
	}
}

// TestAListIsWholeOrNotThere: whenever the program is killed.
func TestAListIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t, 40, 20)
	s.cloud.SetFaults(imagetest.Always(imagetest.Delay(5 * time.Millisecond)))
	first := filepath.Join(s.dir, "whole.csv")
	began := time.Now()
	s.runProcess(t, "imsrevoke", s.listArgs(first)...).expect(t, exit.Settled)
	took := time.Since(began)
	text, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for range 12 {
		dir := t.TempDir()
		cmd := exec.Command("imsrevoke", s.listArgs(filepath.Join(dir, "list.csv"))...)
		for name, value := range s.environment() {
			cmd.Env = append(cmd.Environ(), name+"="+value)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(took))))
		_ = cmd.Process.Kill()
		if cmd.Wait() != nil {
			killed++
		}
		onlyLists(t, dir, "list.csv", string(text), nil)
	}
	if killed == 0 {
		t.Log("no run was killed in time")
	}
}

// TestAListOnAFullDisk: what was there stays as it was, and nothing is under the
// name of the list.
func TestAListOnAFullDisk(t *testing.T) {
	t.Parallel()
	s := newSite(t, 50, 200)
	s.mountDisk(t, "64k", 0)
	for _, name := range []string{"small.csv", "list.csv"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("image_id,member_id,member_type,status,\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := snapshot(t, s.dir)
	run := runInProcess(nil, s.environment(), append(s.listArgs(filepath.Join(s.dir, "list.csv")), "--overwrite"))
	run.expect(t, exit.Record, "cannot write the list: "+filepath.Join(s.dir, "list.csv")+": no space left on device")
	onlyLists(t, s.dir, "", "", before)
	if after := snapshot(t, s.dir); len(after) != len(before) || after[filepath.Join(s.dir, "list.csv")] != before[filepath.Join(s.dir, "list.csv")] {
		t.Errorf("there is now %v", after)
	}
}
