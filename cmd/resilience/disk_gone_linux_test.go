package resilience

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
)

// TestDiskWhoseJournalIsTouched: when the journal is no longer what the program
// has written, the run stops within a second of work, and its report is true or
// there is none.
func TestDiskWhoseJournalIsTouched(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		touch    func(*site) error
		reported bool
	}{
		{"removed", func(s *site) error { return os.Remove(s.journal()) }, true},
		{"replaced", func(s *site) error {
			other := filepath.Join(s.dir, "other")
			if err := os.WriteFile(other, []byte("hello\n"), 0o600); err != nil {
				return err
			}
			return os.Rename(other, s.journal())
		}, true},
		{"emptied", func(s *site) error { return os.Truncate(s.journal(), 0) }, false},
		{"cut", func(s *site) error { return os.Truncate(s.journal(), 1000) }, false},
		{"added to", func(s *site) error {
			text, err := os.ReadFile(s.journal())
			if err != nil {
				return err
			}
			return os.WriteFile(s.journal(), append(text, "hello\n"...), 0o600)
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 50, 20)
			const sent = 100
			ended, release := s.interrupt(t, sent, func() siteRun { return s.run() })
			for s.journalled(t) < sent {
				time.Sleep(time.Millisecond) // so that nothing is being written
			}
			if err := tt.touch(s); err != nil {
				t.Fatal(err)
			}
			release()
			run := <-ended
			run.expect(t, exit.Record, "the journal", "resume with: ")
			if !tt.reported {
				run.expect(t, exit.Record, "1,000 rows, no report", "what is known is in "+s.journal())
			}
			if n := s.requests(); n >= len(s.pairs)/2 {
				t.Errorf("%d requests for %d rows", n, len(s.pairs))
			}
			if !tt.reported {
				if _, err := os.Stat(s.report()); err == nil {
					t.Error("there is a report, of a journal that is damaged")
				}
				return
			}
			if n := s.judge(t)[batch.Revoked]; n != s.requests() {
				t.Errorf("%d rows are called revoked after %d requests", n, s.requests())
			}
		})
	}
}

// TestDiskWhoseFolderIsGone: the run stops, and what is known is saved where
// the message says. Put back, it serves to go on.
func TestDiskWhoseFolderIsGone(t *testing.T) {
	t.Parallel()
	s := newSite(t, 50, 20)
	ended, release := s.interrupt(t, 100, func() siteRun { return s.run() })
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	release()
	run := <-ended
	run.expect(t, exit.Record, "no such file or directory")
	sent := s.requests()
	if sent >= len(s.pairs)/2 {
		t.Errorf("%d requests for %d rows", sent, len(s.pairs))
	}
	saved := regexp.MustCompile(`what is known is in (\S+)`).FindStringSubmatch(run.stderr)
	if saved == nil {
		t.Fatalf("standard error names no file:\n%s", run.stderr)
	}
	text, err := os.ReadFile(saved[1])
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(saved[1])
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.journal(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if n := s.journalled(t); n != sent {
		t.Errorf("%d requests were sent, and the journal has %d results", sent, n)
	}
	s.resumes(t)
}
