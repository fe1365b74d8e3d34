//go:build !windows

package samples_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"imsrevoke/samples"
)

// TestCrontab runs the job of the crontab as cron does: by sh, in the user's
// home, with the few variables that there are.
func TestCrontab(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("home/.config/openstack/clouds.yaml", s.clouds)
	s.put("home/offboarding/pairs.csv", string(samples.Pairs))
	j := s.crontab("cron/crontab")
	flagDuration(t, "max-duration", strings.Join(j.words, " "))
	j.environment = append(j.environment, "IMSREVOKE_RATE=unlimited")
	if printed := s.run(j, 0); printed != "" {
		t.Errorf("cron would mail a success: %s", printed)
	}
	s.report("home/offboarding/report-2*-*-*.csv", len(s.pairs))
	if n := s.left(); n != 0 {
		t.Errorf("%d shares are left", n)
	}

	// A failure is mailed, and that there is a report of today already is one.
	for days := -1; days <= 2; days++ { // it may be midnight
		s.put("home/offboarding/report-"+time.Now().AddDate(0, 0, days).Format(time.DateOnly)+".csv", "")
	}
	if printed := s.run(j, 2); !strings.Contains(printed, "already exists; name another file with --report") {
		t.Errorf("cron would mail %q", printed)
	}
	s.put("home/offboarding/pairs.csv", "image_id,member_id\n"+strings.Join(s.pairs[0], ",")+",one cell too many\n")
	j.environment = append(j.environment, "IMSREVOKE_OVERWRITE=true")
	if printed := s.run(j, 1); !strings.Contains(printed, "1 row: 1 invalid") {
		t.Errorf("cron would mail %q", printed)
	}
}

// crontab reads the one job of a crontab.
func (s *site) crontab(path string) job {
	s.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	j := job{folder: "home", environment: []string{"HOME=" + s.root + "/home", "LOGNAME=root", "SHELL=/bin/sh"}}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		fields := strings.Fields(line)
		switch {
		case line == "" || line[0] == '#':
		case strings.Contains(fields[0], "="):
			j.environment = append(j.environment, s.inSite(line))
		case j.words != nil || len(fields) < 6:
			s.Fatalf("want one job, with five fields of time before it: %s", line)
		default:
			command := line
			for range 5 {
				command = strings.TrimLeft(strings.TrimLeft(command, "0123456789*/,-"), " \t")
			}
			// What stands behind a % is standard input, unless that is \%.
			command, j.stdin, _ = strings.Cut(strings.ReplaceAll(command, `\%`, "\x00"), "%")
			j.words = []string{"/bin/sh", "-c", strings.ReplaceAll(command, "\x00", "%")}
		}
	}
	if j.words == nil {
		s.Fatal("no job")
	}
	return j
}
