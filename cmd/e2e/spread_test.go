//go:build e2e

package e2e

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// testSpread: a run does not stay at one process of Glance's, though all of its
// connections came there first, since the others were stopped until then.
func testSpread(t *testing.T, s *site) {
	const workers = 8
	c := newCrowd(t, s.glance, 4, 100)
	client.CloseIdleConnections()
	g := newGlanceWatch(t)
	if len(g.processes) != 2 {
		t.Fatalf("Glance has %d processes; want 2", len(g.processes))
	}
	idle, err := strconv.Atoi(g.processes[1])
	if err != nil {
		t.Fatal(err)
	}
	send := func(signal syscall.Signal) {
		if err := syscall.Kill(idle, signal); err != nil {
			t.Errorf("send %v to a process of Glance's: %v", signal, err)
		}
	}
	t.Cleanup(func() { send(syscall.SIGCONT) })
	send(syscall.SIGSTOP)
	v := s.newJob(t, s.people["owner"].environment(s.keystone, "default"), c.pairs...)
	run := v.start("--rate", "unlimited", "--workers", strconv.Itoa(workers))
	run.Until(func() bool {
		first, _, _ := strings.Cut(g.connections(), "+")
		n, err := strconv.Atoi(first)
		return err != nil || n >= workers-2 // one or two may be about to be replaced
	})
	if got := g.connections(); !run.Running() || !strings.HasSuffix(got, "+0") {
		t.Fatalf("the run has made the connections %s", got)
	}
	send(syscall.SIGCONT)
	c.settled(t, v.end(run, "pairs.report.csv"))
	seen := g.end()
	if share := seen.cpu[1].Seconds() / seen.all().Seconds(); share < 0.2 {
		t.Errorf("the process that was idle has done %.0f %% of the work; the connections were %v", 100*share, seen.connections)
	}
	t.Logf("CPU time of the processes: %v, connections %v", seen.cpu, seen.connections)
}
