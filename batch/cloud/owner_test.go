//go:build unix

package cloud

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFilesOfOthersInTheCurrentDirectory needs root, to give a file away.
func TestFilesOfOthersInTheCurrentDirectory(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	for _, terminal := range []bool{false, true} {
		for owner, foreign := range map[int]bool{0: false, 12345: true} {
			file, err := os.Create(filepath.Join(t.TempDir(), "clouds.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if err := file.Chown(owner, owner); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			err = Config{Terminal: terminal, Logger: slog.New(slog.NewTextHandler(&log, nil))}.checkOwner(file)
			if refused, warned := err != nil, log.Len() > 0; refused != (foreign && !terminal) || warned != (foreign && terminal) {
				t.Errorf("owner %d, terminal %t: error %v, log %s", owner, terminal, err, &log)
			}
		}
	}
}
