package manifest

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// readLines reads text as a CSV file is read.
func readLines(content string, delimiter rune) (*text, *csv.Reader) {
	t := &text{buf: bufio.NewReaderSize(strings.NewReader(content), 64)}
	return t, newCSVReader(t, delimiter)
}

func TestTextWithoutFormulasIsHandedOnAsItIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.StringMatching(`([",;\n\rxé]|="x|\n{3}|[a-z]{90})*`).Draw(t, "text")
		in, _ := readLines(content, ',')
		got, err := io.ReadAll(in.lines)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(got), "\n") != strings.Count(content, "\n")+2 {
			t.Errorf("%q has other lines than %q", got, content)
		}
		if want := content + "\n\n"; !strings.Contains(content, `="`) && string(got) != want {
			t.Errorf("%q is read from %q", got, content)
		}
	})
}

// What a CSV file says is not changed, whatever looks like a formula in it.
func TestAnyRecordIsReadBack(t *testing.T) {
	t.Parallel()
	cells := rapid.Custom(func(t *rapid.T) string {
		return rapid.StringMatching(`(="|"|=|,|;|x|\n|[a-z]{70})*`).Draw(t, "cell")
	})
	rapid.Check(t, func(t *rapid.T) {
		delimiter := rapid.SampledFrom([]rune{',', ';', '\t', '§'}).Draw(t, "delimiter")
		want := rapid.SliceOfN(rapid.SliceOfN(cells, 2, 5), 1, 6).Draw(t, "records")
		var content bytes.Buffer
		w := csv.NewWriter(&content)
		w.Comma = delimiter
		for i := range want {
			want[i][0] = "x" + want[i][0] // so that no line is blank
		}
		if err := w.WriteAll(want); err != nil {
			t.Fatal(err)
		}
		in, r := readLines(content.String(), delimiter)
		r.ReuseRecord = false
		for _, record := range want {
			in.lines.startRow()
			got, err := r.Read()
			if err != nil {
				t.Fatalf("%v in %q", err, content.String())
			}
			if diff := cmp.Diff(record, got); diff != "" {
				t.Fatalf("record (-want +got):\n%s\nof %q", diff, content.String())
			}
		}
	})
}
