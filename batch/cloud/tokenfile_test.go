//go:build !windows

package cloud_test

import (
	"os"
	"strings"
	"testing"

	"imsrevoke/batch/cloud"
)

func TestTokenFileThatOthersCanRead(t *testing.T) {
	t.Parallel()
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o644: true} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			file := writeFile(t, t.TempDir(), "tok", "s3cr3t")
			if err := os.Chmod(file, mode); err != nil {
				t.Fatal(err)
			}
			_, logged, err := connect(t, cloud.Config{TokenFile: file, Endpoint: imageAPI}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(logged, "chmod 600") && strings.Contains(logged, file); got != warned {
				t.Errorf("warned = %t, want %t; log: %s", got, warned, logged)
			}
		})
	}
}
