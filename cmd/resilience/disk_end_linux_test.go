package resilience

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/exit"
)

// TestDiskWithoutRoomForTheEndOfTheJournal: a journal that cannot even be ended
// is no reason to say nothing of the run, or of where the journal is.
func TestDiskWithoutRoomForTheEndOfTheJournal(t *testing.T) {
	t.Parallel()
	s := newSite(t, 5, 4)
	started := make(chan int, 1)
	var once sync.Once
	s.cloud.SetFaults(func(r imagetest.Request) imagetest.Fault {
		if r.MemberID != "" {
			once.Do(func() { limitFiles(t, <-started, s.journal()) })
		}
		return imagetest.Fault{}
	})
	cmd := exec.Command("imsrevoke", s.args()...)
	for name, value := range s.environment() {
		cmd.Env = append(cmd.Environ(), name+"="+value)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started <- cmd.Process.Pid
	_ = cmd.Wait()
	siteRun{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}.expect(t, exit.Record,
		"cannot write the journal: "+s.journal()+": file too large; what is known is in "+s.journal(),
		"20 rows, no report", "resume with: ")
	s.run("--resume").expect(t, exit.Settled)
	s.judgeSettled(t)
}

// limitFiles lets a process write no more to a file than it has.
func limitFiles(t *testing.T, pid int, name string) {
	info, err := os.Stat(name)
	if err != nil {
		t.Error(err)
		return
	}
	limit := &unix.Rlimit{Cur: uint64(info.Size()), Max: uint64(info.Size())}
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, limit, nil); err != nil {
		t.Error(err)
	}
}
