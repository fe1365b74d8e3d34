package main_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestHostileListsFitIntoAPod measures a check whose eight workers read the
// longest lists that are read, of the shortest entries, in the memory of the
// samples for Kubernetes.
func TestHostileListsFitIntoAPod(t *testing.T) {
	t.Parallel()
	const (
		images = 8
		length = 8<<20 - 1000
		pod    = 256 << 10 // KiB
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		image := strings.Split(r.URL.Path, "/")[3]
		list := []byte(`{"members":[`)
		for i := 0; len(list) < length; i++ {
			list = fmt.Appendf(list, `{"image_id":%q,"member_id":"z%x"},`, image, i)
		}
		w.Write(append(list[:len(list)-1], "]}"...))
	}))
	t.Cleanup(server.Close)
	var pairs strings.Builder
	rows := csv.NewWriter(&pairs)
	rows.Write([]string{"image_id", "member_id"})
	for i := range images {
		rows.Write([]string{fmt.Sprintf("d164b5df-1bc3-4c3f-893e-%012x", i), fmt.Sprintf("%032x", i)})
	}
	rows.Flush()
	input := filepath.Join(t.TempDir(), "pairs.csv")
	if err := os.WriteFile(input, []byte(pairs.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), build(t), "check", input, "--endpoint", server.URL, "--rate", "unlimited", "--attempt-timeout", "5m")
	cmd.Env = []string{"HOME=" + t.TempDir(), "OS_TOKEN=t0ken", "OS_PROJECT_ID=1", "GOMEMLIMIT=200MiB"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
	if peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; peak > pod {
		t.Errorf("it took %d MiB", peak>>10)
	} else {
		t.Logf("it took %d MiB", peak>>10)
	}
}
