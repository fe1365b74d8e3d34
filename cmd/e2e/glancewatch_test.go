//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A glanceWatch sees what a client costs a Glance, while its work goes on.
type glanceWatch struct {
	t         *testing.T
	processes []string // ids of those that serve
	port      int
	before    glanceSeen
	stop      chan struct{}
	looks     chan []string
}

// glanceSeen is what was seen of a Glance.
type glanceSeen struct {
	cpu []time.Duration // of each process that serves
	// validations counts the tokens that Keystone was asked about.
	validations int
	// connections are, of each look that showed something new, how many
	// established ones each process had.
	connections []string
}

// all is the CPU time of all processes together.
func (s glanceSeen) all() (sum time.Duration) {
	for _, cpu := range s.cpu {
		sum += cpu
	}
	return sum
}

func newGlanceWatch(t *testing.T) *glanceWatch {
	t.Helper()
	g := &glanceWatch{t: t, stop: make(chan struct{}), looks: make(chan []string)}
	pid := strings.TrimSpace(string(g.read(siteFile("glance.pid"))))
	g.processes = strings.Fields(string(g.read(filepath.Join("/proc", pid, "task", pid, "children"))))
	_, port, _ := strings.Cut(os.Getenv("E2E_GLANCE"), "127.0.0.1:")
	var err error
	if g.port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	g.before = g.look()
	go func() {
		var looks []string
		for {
			looks = append(looks, g.connections())
			select {
			case <-g.stop:
				g.looks <- slices.Compact(looks)
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return g
}

// end returns what was seen since the beginning.
func (g *glanceWatch) end() glanceSeen {
	g.t.Helper()
	close(g.stop)
	seen := g.look()
	for i := range seen.cpu {
		seen.cpu[i] -= g.before.cpu[i]
	}
	seen.validations -= g.before.validations
	seen.connections = <-g.looks
	return seen
}

func (g *glanceWatch) look() (seen glanceSeen) {
	g.t.Helper()
	for _, process := range g.processes {
		_, stat, _ := strings.Cut(string(g.read(filepath.Join("/proc", process, "stat"))), ") ")
		const user, system, tick = 11, 12, 10 * time.Millisecond // proc_pid_stat(5), without pid and name
		var cpu time.Duration
		for _, text := range []string{strings.Fields(stat)[user], strings.Fields(stat)[system]} {
			ticks, err := strconv.Atoi(text)
			if err != nil {
				g.t.Fatal(err)
			}
			cpu += time.Duration(ticks) * tick
		}
		seen.cpu = append(seen.cpu, cpu)
	}
	seen.validations = bytes.Count(g.read(siteFile("keystone.log")), []byte("GET /v3/auth/tokens"))
	return seen
}

func (g *glanceWatch) read(name string) []byte {
	g.t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		g.t.Fatal(err)
	}
	return text
}

// siteFile is a file of the services that .ci/e2e keeps.
func siteFile(name string) string { return filepath.Join(os.Getenv("E2E_DIR"), name) }

// connections counts the established connections to Glance's port that each of
// its processes has. Those that end meanwhile do not matter.
func (g *glanceWatch) connections() string {
	table, _ := os.ReadFile("/proc/net/tcp")
	sockets := make(map[string]bool)
	for line := range strings.Lines(string(table)) {
		const local, state, inode, established = 1, 3, 9, "01"
		if f := strings.Fields(line); len(f) > inode && f[state] == established && strings.HasSuffix(f[local], fmt.Sprintf(":%04X", g.port)) {
			sockets["socket:["+f[inode]+"]"] = true
		}
	}
	var counts []string
	for _, process := range g.processes {
		n := 0
		files, _ := os.ReadDir(filepath.Join("/proc", process, "fd"))
		for _, file := range files {
			if link, err := os.Readlink(filepath.Join("/proc", process, "fd", file.Name())); err == nil && sockets[link] {
				n++
			}
		}
		counts = append(counts, strconv.Itoa(n))
	}
	return strings.Join(counts, "+")
}
