package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"imsrevoke/batch"
)

var thisRun = Run{Input: "pairs.csv", Digest: "d1", Rows: 100, Endpoint: "https://image.example.com", Project: "p1", Started: noon}

// writeJournal writes a journal of thisRun and returns its path. The rows that
// fill names are begun and end as it says.
func writeJournal(t testing.TB, dir string, ended bool, results ...batch.Result) string {
	t.Helper()
	return writeJournalOf(t, dir, rowsOf(thisRun.Rows), ended, results...)
}

func writeJournalOf(t testing.TB, dir string, rows []batch.Row, ended bool, results ...batch.Result) string {
	t.Helper()
	path := filepath.Join(dir, "journal")
	fill(t, createJournal(t, path, rows, thisRun), ended, results...)
	return path
}

// splitLines splits a journal: the first line stands for the plan and the line of the
// run together.
func splitLines(text []byte) [][]byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for n, line := range lines {
		if bytes.HasPrefix(line[min(len(line), sumLength):], []byte("\t"+wordRun+"\t")) {
			return append([][]byte{bytes.Join(lines[:n+1], nil)}, lines[n+1:]...)
		}
	}
	return lines
}

// fill begins rows and records results, and ends the run or cuts it off.
func fill(t testing.TB, j *Journal, ended bool, results ...batch.Result) {
	t.Helper()
	for _, r := range results {
		if err := j.Begin(r.Row); err != nil {
			t.Fatal(err)
		}
		if err := j.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Flush(); err != nil {
		t.Fatal(err)
	}
	if ended {
		if err := j.End(Stop{}, batch.Summary{}); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
}

// resume opens a journal again.
func resume(t testing.TB, path string, run Run) (*Journal, error) {
	t.Helper()
	j, err := OpenJournal(path)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { j.Close() })
	if err := j.CheckRun(run); err != nil {
		return nil, err
	}
	return j, j.Continue(run)
}

func ended(row batch.Row, o batch.Outcome) batch.Result {
	return batch.Result{Row: row, Outcome: o, Attempts: 1, FinishedAt: noon, Lost: o == batch.Unknown}
}

// rest is what of these rows is left to be done, by number, with an asterisk when
// lost.
func rest(t testing.TB, j *Journal, rows []batch.Row) string {
	t.Helper()
	var b strings.Builder
	for src := j.Remaining(); ; {
		row, err := src.Next()
		if err == io.EOF || err == nil && row.Seq >= len(rows) {
			return strings.TrimSpace(b.String())
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(&b, " ", row.Seq)
		if row.Lost {
			b.WriteByte('*')
		}
	}
}

func TestSettledRowsAreCarriedOverUnchanged(t *testing.T) {
	rows := rowsOf(6)
	want := ended(rows[0], batch.Revoked)
	want.RequestID, want.Message = "req-1", `a, "b"`
	path := writeJournal(t, t.TempDir(), true, want, ended(rows[1], batch.Denied), ended(rows[2], batch.Absent), ended(rows[3], batch.Unknown), ended(rows[5], batch.Duplicate))
	j, err := resume(t, path, thisRun)
	if err != nil {
		t.Fatal(err)
	}
	if got := rest(t, j, rows); got != "1 3* 4" {
		t.Errorf("left are %s; want 1, 3 whose answer was lost, and 4", got)
	}
	if got, _ := resultOf(t, j, 0); !cmp.Equal(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	if settled, unsent := j.Settled(); settled != 2 || unsent != 1 {
		t.Errorf("%d settled, %d that need no request; want 2 and 1", settled, unsent)
	}
	fill(t, j, true, ended(rows[1], batch.Revoked))
	j, err = resume(t, path, thisRun) // and once more
	if err != nil {
		t.Fatal(err)
	}
	if got := rest(t, j, rows); got != "3* 4" {
		t.Errorf("left are %s; want 3* and 4", got)
	}
}

func TestWhatACutOffRunMayHaveSentIsLost(t *testing.T) {
	rows := rowsOf(thisRun.Rows)
	rows[2].Problem = "bad"
	// Row 0 is begun, which announces the first rows.
	path := writeJournalOf(t, t.TempDir(), rows, false, ended(rows[0], batch.Revoked), ended(rows[3], batch.Failed))
	j, err := resume(t, path, thisRun)
	if err != nil {
		t.Fatal(err)
	}
	left := rest(t, j, rows[:6])
	if left != "1* 2* 3 4* 5*" {
		t.Errorf("left are %s; want all that have no result of that run lost", left)
	}
	if r, found := resultOf(t, j, 1); !found || r.Outcome != batch.Unknown || !strings.Contains(r.Message, "did not end") {
		t.Errorf("row 1: %+v, %v; want unknown", r, found)
	}
	if r, _ := resultOf(t, j, 2); r.Outcome != batch.Invalid {
		t.Errorf("row 2, which cannot be sent, is %s", r.Outcome)
	}
	if r, _ := resultOf(t, j, 3); r.Outcome != batch.Failed {
		t.Errorf("row 3, which ended before the cut, is %s", r.Outcome)
	}
	if _, found := resultOf(t, j, 39); found {
		t.Error("row 39, which was never announced, has a result")
	}
	// A second run takes up row 3, and is cut off too.
	if err := j.Begin(rows[3]); err != nil {
		t.Fatal(err)
	}
	j.Close()
	if j, err = resume(t, path, thisRun); err != nil {
		t.Fatal(err)
	}
	if r, _ := resultOf(t, j, 3); r.Outcome != batch.Unknown || !r.Lost {
		t.Errorf("row 3, sent again by a run that was cut off, is %s", r.Outcome)
	}
}

// TestAHoleSaysNothingOfRowsThatWereNeverAnnounced: zeros are what a power cut
// leaves of lines that were not on the disk, and no row is sent before the line
// that announces it is. Any other bad line may be that one.
func TestAHoleSaysNothingOfRowsThatWereNeverAnnounced(t *testing.T) {
	rows := rowsOf(100)
	for _, tt := range []struct {
		name string
		bad  byte
		want batch.Outcome // of a row that was never sent
	}{
		{"zeros", 0, batch.Skipped},
		{"another letter", 'x', batch.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := writeJournal(t, t.TempDir(), false, ended(rows[0], batch.Revoked), ended(rows[1], batch.Revoked), ended(rows[2], batch.Revoked))
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines := splitLines(text) // run, sent, three rows
			lines[3][20] = tt.bad
			if err := os.WriteFile(path, bytes.Join(lines, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			j, err := OpenJournal(path)
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			for seq, want := range map[int]batch.Outcome{0: batch.Revoked, 1: batch.Unknown, 2: batch.Unknown, 99: tt.want} {
				if r, found := resultOf(t, j, seq); r.Outcome != want || found != (want != batch.Skipped) {
					t.Errorf("row %d is %q, %t; want %q", seq, r.Outcome, found, want)
				}
			}
		})
	}
}

// TestThePowerMayFailWhileALineIsBroughtToTheDisk: what stood before it may then
// be missing. Once another line follows, it had been there.
func TestThePowerMayFailWhileALineIsBroughtToTheDisk(t *testing.T) {
	rows := rowsOf(40)
	path := writeJournal(t, t.TempDir(), false, ended(rows[0], batch.Revoked), ended(rows[1], batch.Revoked), ended(rows[20], batch.Revoked))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := splitLines(text) // run, sent, two rows, sent, row
	clear(lines[2][:10])
	for n, want := range map[int]error{5: nil, 6: ErrDamaged} {
		if err := os.WriteFile(path, bytes.Join(lines[:n], nil), 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := OpenJournal(path)
		if !errors.Is(err, want) {
			t.Errorf("with %d lines: %v; want %v", n, err, want)
		}
		if err != nil {
			continue
		}
		if _, found := resultOf(t, j, 20); found {
			t.Error("row 20 has a result, though the line that announces it was not on the disk")
		}
		j.Close()
	}
}

func TestAJournalOfAnotherRunIsRefused(t *testing.T) {
	path := writeJournal(t, t.TempDir(), true, ended(rowsOf(1)[0], batch.Revoked))
	before, _ := os.ReadFile(path)
	tests := []struct {
		name   string
		change func(*Run)
		want   string // empty when it is the same run
	}{
		{"other pairs", func(r *Run) { r.Digest = "d2" }, "whose pairs or lines differ"},
		{"more rows", func(r *Run) { r.Rows = 101 }, "whose pairs or lines differ"},
		{"another endpoint", func(r *Run) { r.Endpoint = "https://other.example" }, "the endpoint https://image.example.com, not to https://other.example"},
		{"another project", func(r *Run) { r.Project = "p2" }, "the project p1, not to p2"},
		{"another verb", func(r *Run) { r.Verb = "restore" }, "imsrevoke run', this is 'imsrevoke restore"},
		{"the same verb by its name", func(r *Run) { r.Verb = "run" }, ""},
		{"a project that is not known", func(r *Run) { r.Project = "" }, ""},
		{"another name, user, host and version", func(r *Run) { r.Input, r.User, r.Host, r.Version = "x", "y", "z", "9" }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := thisRun
			tt.change(&run)
			_, err := resume(t, path, run)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ErrOtherRun) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v; want ErrOtherRun with %q", err, tt.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the journal was changed")
			}
		})
	}
}

func TestDamage(t *testing.T) {
	rows := rowsOf(6)
	results := []batch.Result{ended(rows[0], batch.Revoked), ended(rows[1], batch.Revoked), ended(rows[2], batch.Revoked), ended(rows[3], batch.Revoked)}
	last := ended(rows[5], batch.Revoked)
	path := writeJournal(t, t.TempDir(), false, results...)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := splitLines(whole) // run, sent, row 0 … row 3, ""
	path = writeJournal(t, t.TempDir(), true, results...)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ended := splitLines(text) // the same, and end
	join := func(lines ...[]byte) []byte { return bytes.Join(lines, nil) }
	earlier := (&lineWriter{}).line(wordRun, journalName+"2", "{}")
	flip := func(line []byte) []byte {
		line = bytes.Clone(line)
		line[len(line)/2] ^= 4
		return line
	}
	tests := []struct {
		name string
		text []byte
		left string // of the six rows, or
		err  error
	}{
		{"whole", whole, "4* 5*", nil},
		{"empty", nil, "", ErrNoPlan},
		{"cut in the first line", lines[0][:20], "", ErrNoPlan},
		{"cut in the plan", lines[0][:1020], "", ErrNoPlan},
		{"cut in the line of the run", lines[0][:len(lines[0])-1], "", ErrNoPlan},
		{"a hole in the plan, as a power cut leaves it", join(lines[0][:1000], make([]byte, 200), lines[0][1200:]), "", ErrNoPlan},
		{"a hole in a plan that was on the disk", join(lines[0][:1000], make([]byte, 200), lines[0][1200:], lines[1]), "", ErrDamaged},
		{"zeros, as a power cut leaves them", make([]byte, 200), "", ErrNoPlan},
		{"a journal of an earlier version", earlier, "", ErrEarlierFormat},
		{"the beginning of one", earlier[:30], "", ErrNoPlan},
		{"cut in the last line", whole[:len(whole)-1], "3* 4* 5*", nil},
		{"nothing sent yet", lines[0], "0 1 2 3 4 5", nil},
		{"zeros behind good lines", join(whole, make([]byte, 4096)), "4* 5*", nil},
		{"rubbish behind good lines", join(whole, []byte("rubbish\nand more\n\n")), "4* 5*", nil},
		{"the last line is not what it was", join(whole[:len(whole)-len(lines[5])], flip(lines[5])), "3* 4* 5*", nil},
		{"a hole behind the last line that was synced, as a power cut leaves it", join(lines[0], lines[1], make([]byte, len(lines[2])-1), []byte("\n"), lines[3], lines[4]), "0* 1* 2* 3* 4* 5*", nil},
		{"a line before the end of the run is not what it was", join(ended[0], ended[1], flip(ended[2]), ended[3], ended[4], ended[5], ended[6]), "", ErrDamaged},
		{"a line in the middle is missing", join(ended[0], ended[1], ended[3], ended[4], ended[5], ended[6]), "", ErrDamaged},
		{"two lines have changed places", join(ended[0], ended[1], ended[3], ended[2], ended[4], ended[5], ended[6]), "", ErrDamaged},
		{"a line stands twice", join(ended[0], ended[1], ended[2], ended[2], ended[3], ended[4], ended[5], ended[6]), "", ErrDamaged},
		{"the first line is missing", join(lines[1:]...), "", ErrDamaged},
		{"the first line is not what it was", join(flip(lines[0]), lines[1], lines[2]), "", ErrDamaged},
		{"another file", []byte("line,image_id,member_id\n2,a,b\n"), "", ErrDamaged},
		{"another file without a line end", []byte("hello"), "", ErrDamaged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal")
			if err := os.WriteFile(path, tt.text, 0o600); err != nil {
				t.Fatal(err)
			}
			j, err := resume(t, path, thisRun)
			if !errors.Is(err, tt.err) {
				t.Fatalf("err = %v; want %v", err, tt.err)
			}
			if err != nil {
				if after, _ := os.ReadFile(path); !bytes.Equal(after, tt.text) {
					t.Error("a file that was refused was changed")
				}
				return
			}
			if got := rest(t, j, rows); got != tt.left {
				t.Errorf("left are %s; want %s", got, tt.left)
			}
			fill(t, j, true, last)
			if _, err := resume(t, path, thisRun); err != nil {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

func TestAFailureToWriteIsMadeGoodWhenThereIsRoomAgain(t *testing.T) {
	rows := rowsOf(3)
	path := writeJournal(t, t.TempDir(), true, ended(rows[0], batch.Revoked))
	j, err := resume(t, path, thisRun)
	if err != nil {
		t.Fatal(err)
	}
	good := j.file
	if j.file, err = os.Open(path); err != nil { // cannot be written
		t.Fatal(err)
	}
	if err := errors.Join(j.Record(ended(rows[1], batch.Revoked)), j.Flush()); err == nil {
		t.Fatal("a file that is open for reading was written")
	}
	if j.Begin(rows[2]) == nil {
		t.Error("a row was begun whose result cannot be kept")
	}
	j.file.Close()
	j.file = good
	if err := j.End(Stop{}, batch.Summary{}); err != nil {
		t.Fatal(err)
	}
	if got := rest(t, j, rows); got != "2" {
		t.Errorf("left are %s; want 2 alone", got)
	}
}

// TestNoDamageMakesALie: whatever is cut off or flipped, the journal is refused,
// or it says nothing that it was not told.
func TestNoDamageMakesALie(t *testing.T) {
	rows := rowsOf(12)
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		sub := filepath.Join(dir, fmt.Sprint(n))
		if err := os.Mkdir(sub, 0o700); err != nil {
			rt.Fatal(err)
		}
		told := map[int]batch.Outcome{}
		var results []batch.Result
		for _, row := range rows {
			if rapid.Bool().Draw(rt, "ends") {
				r := ended(row, rapid.SampledFrom(batch.Outcomes()).Draw(rt, "outcome"))
				told[row.Seq] = r.Outcome
				results = append(results, r)
			}
		}
		path := writeJournal(t, sub, rapid.Bool().Draw(rt, "ended"), results...)
		text, err := os.ReadFile(path)
		if err != nil {
			rt.Fatal(err)
		}
		if rapid.Bool().Draw(rt, "cut") {
			text = text[:rapid.IntRange(0, len(text)).Draw(rt, "at")]
		} else {
			i := rapid.IntRange(0, len(text)-1).Draw(rt, "byte")
			text[i] ^= byte(rapid.IntRange(1, 255).Draw(rt, "flip"))
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			rt.Fatal(err)
		}
		j, err := OpenJournal(path)
		if err != nil {
			return
		}
		defer j.Close()
		for _, row := range rows {
			r, found := resultOf(rt, j, row.Seq)
			if found && r.Outcome != batch.Unknown && r.Outcome != told[row.Seq] {
				rt.Errorf("row %d is called %s, and was %q", row.Seq, r.Outcome, told[row.Seq])
			}
		}
	})
}

func FuzzOpenJournal(f *testing.F) {
	rows := rowsOf(3)
	whole, err := os.ReadFile(writeJournal(f, f.TempDir(), false, ended(rows[0], batch.Revoked), ended(rows[1], batch.Unknown)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add([]byte{})
	f.Add((&lineWriter{}).line(wordRun, journalName+"1", "{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		load := func(text []byte) (*Journal, error) {
			j := newJournal(nil, planText{}, checksum{})
			l := loader{journal: j, mark: -1}
			return j, l.load(bytes.NewReader(text))
		}
		j, err := load(text)
		if err != nil {
			return
		}
		if j.size > int64(len(text)) || len(j.states) > bytes.Count(text, []byte("\n")) {
			t.Fatalf("%d bytes are good of %d, with %d rows", j.size, len(text), len(j.states))
		}
		again, err := load(text[:j.size]) // what is left when the rest is cut off
		if err != nil || again.size != j.size || again.sum != j.sum {
			t.Fatalf("what was taken once is not taken then: %v", err)
		}
	})
}

// line is one line.
func (w *lineWriter) line(word string, fields ...string) []byte {
	from := len(w.pending)
	w.begin(word)
	for _, field := range fields {
		w.field(field)
	}
	w.finish()
	return w.pending[from:]
}
