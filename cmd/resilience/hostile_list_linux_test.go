package resilience

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imsrevoke/cmd/internal/programtest"
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
	cmd := exec.CommandContext(t.Context(), programtest.Build(t), "check", input, "--endpoint", server.URL, "--rate", "unlimited", "--attempt-timeout", "5m")
	cmd.Env = []string{"HOME=" + t.TempDir(), "OS_TOKEN=t0ken", "OS_PROJECT_ID=1", "GOMEMLIMIT=200MiB"}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peak := 0
	for running := true; running; {
		select {
		case err := <-ended:
			running = false
			if err != nil {
				t.Errorf("check: %v\n%s", err, &out)
			}
		case <-time.After(5 * time.Millisecond):
			peak = max(peak, peakOf(cmd.Process.Pid))
		}
	}
	if peak == 0 || peak > pod {
		t.Errorf("it took %d MiB", peak>>10)
	}
	t.Logf("it took %d MiB", peak>>10)
}

// peakOf is the most memory that a process has had, in KiB; 0 when it has ended.
// (What the system tells of a process that has ended counts its parent's, too.)
func peakOf(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var peak int
	fmt.Sscan(rest, &peak)
	return peak
}
