//go:build !windows

package report

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyTheOwnerReadsReportAndJournal(t *testing.T) {
	dir := t.TempDir()
	j := createJournal(t, filepath.Join(dir, "journal"), nil, Run{})
	defer j.Close()
	c := CSV{Journal: j}
	if _, err := c.WriteFile(filepath.Join(dir, "report")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"journal", "report"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", name, info.Mode(), err)
		}
	}
}
