package resilience

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"imsrevoke/cmd/internal/exit"
)

const (
	hostileHeader = "image_id,member_id,note\n"
	hostileRow    = "d164b5df-1bc3-4c3f-893e-3e471fd16e64,edc89b490d7d4392898e19b2deb34797,"
)

// A part is some text of a file, repeated.
type part struct {
	text  string
	times int
}

func (p part) reader() io.Reader {
	long := strings.Repeat(p.text, 1+(64<<10)/len(p.text))
	return io.LimitReader(&repeated{long, 0}, int64(p.times*len(p.text)))
}

// repeated is a text without end.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		copied := copy(p[n:], r.text[r.at:])
		n, r.at = n+copied, (r.at+copied)%len(r.text)
	}
	return n, nil
}

// hostileFiles are files that nobody made to list shares.
var hostileFiles = []struct {
	name    string
	parts   []part
	message string
}{
	{"a cell of 2 MiB", []part{{hostileHeader + hostileRow, 1}, {"x", 2 << 20}, {"\n", 1}}, "a cell holds more than 1 MiB"},
	{"a line of 64 MiB", []part{{hostileHeader + hostileRow, 1}, {"x", 64 << 20}, {"\n", 1}}, "a row does not end within 4 MiB"},
	{"a quote that is never closed", []part{{hostileHeader + hostileRow + `"`, 1}, {"x\n", 5 << 20}}, "look for a quote that is never closed"},
	{"a row of commas", []part{{hostileHeader, 1}, {",", 5 << 20}, {"\n", 1}}, "more than 100000 cells in one row"},
	{"nothing but 50 MB of commas", []part{{",", 50e6}}, "more than 100000 cells in one row"},
	{"a row of empty quotes", []part{{hostileHeader, 1}, {`"",`, 2 << 20}, {"\n", 1}}, "more than 100000 cells in one row"},
	{"a million columns", []part{{"image_id,member_id", 1}, {",c", 1e6}, {"\n" + hostileRow + "\n", 1}}, "more than 100000 cells in one row"},
	{"twenty thousand columns", []part{{"image_id,member_id", 1}, {",c", 2e4}, {"\n" + hostileRow + "\n", 1}}, "the header has 20002 cells; at most 10000 are read"},
	{"a name of 2 MiB in the header", []part{{"image_id,member_id,", 1}, {"x", 2 << 20}, {"\n" + hostileRow + "\n", 1}}, "the name of column 3 holds more than 1 MiB"},
	{"a header of 10 MiB", []part{{"x", 10 << 20}, {"\n", 1}}, "a row does not end within 4 MiB"},
	{"a NUL in a cell", []part{{hostileHeader + hostileRow + "a\x00b\n", 1}}, "there is a NUL at byte offset 95"},
	{"nothing but NULs", []part{{"\x00", 1 << 20}}, "UTF-16"},
	{"nothing but quotes", []part{{`"`, 1 << 20}}, "no column is known to hold the image"},
	{"nothing but very many quotes", []part{{`"`, 20 << 20}}, "a row does not end within"},
	{"nothing but a quote in each row", []part{{hostileHeader, 1}, {"\"\n", 1<<18 + 1}}, "a quote in this row"},
	{"nothing but line ends", []part{{"\n", 1 << 20}}, "the file is empty"},
	{"nothing but very many line ends", []part{{"\n", 20 << 20}}, "the file is empty"},
	{"nothing but carriage returns", []part{{"\r", 1 << 20}}, "the file is empty"},
	{"nothing but byte order marks", []part{{"\ufeff", 1 << 20}}, "the file is empty"},
	{"nothing", nil, "the file is empty"},
}

// TestHostileFiles: each is refused before anything is sent, for a reason that
// is told in a few words, and takes a bounded amount of memory. It is not
// parallel, so that what it measures is its own.
func TestHostileFiles(t *testing.T) {
	s := newSite(t, 1, 1)
	for _, tt := range hostileFiles {
		t.Run(tt.name, func(t *testing.T) {
			s.input = filepath.Join(t.TempDir(), "pairs.csv")
			file, err := os.Create(s.input)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range tt.parts {
				if _, err := io.Copy(file, p.reader()); err != nil {
					t.Fatal(err)
				}
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			s.refuses(t, strings.NewReader(""), s.args(), tt.message)
		})
	}
}

// TestHostileStandardInput: what has no end is refused after its first block,
// when that is enough to judge it.
func TestHostileStandardInput(t *testing.T) {
	s := newSite(t, 1, 1)
	s.input = "-"
	args := append([]string{"run", "-"}, s.args()[2:]...)
	s.refuses(t, &repeated{strings.Repeat("\x00", 4<<10), 0}, args, "standard input: line 1: it is not text")
}

// refuses expects the program to refuse its input.
func (s *site) refuses(t *testing.T, stdin io.Reader, args []string, message string) {
	t.Helper()
	var run siteRun
	const most = 64 << 20
	if peak := peakHeap(func() { run = runInProcess(stdin, s.environment(), args) }); peak > most {
		t.Errorf("it took %d MiB of memory", peak>>20)
	}
	run.expect(t, exit.Usage, message)
	if len(run.stderr) > 1000 {
		t.Errorf("the message has %d bytes", len(run.stderr))
	}
	checkPrintable(t, "standard error", run.stderr)
	if n := len(s.cloud.Requests()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
	for _, name := range []string{s.report(), s.journal()} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s was made", filepath.Base(name))
		}
	}
}

// peakHeap is about how much memory the program takes while f runs.
func peakHeap(f func()) (most uint64) {
	over := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
			select {
			case <-over:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	f()
	close(over)
	watch.Wait()
	return most
}
