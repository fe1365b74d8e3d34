//go:build !windows

package crash

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/programtest"
)

// TestShardsShareOneFile runs all shards of a file at once, as an Indexed Job
// does: each row is in one report, each share is revoked once, and the server
// sees no more than the whole rate, by its own clock.
func TestShardsShareOneFile(t *testing.T) {
	t.Parallel()
	const (
		shards  = 4
		rows    = 160
		rate    = 48 // a second, over all shards
		workers = 2
	)
	dir := t.TempDir()
	cloud := imagetest.NewCloud()
	text := "image_id,member_id\n"
	for i := range rows {
		image, member := imageID(i/5), memberID(i)
		cloud.Share(image, member)
		text += image + "," + member + "\n"
		switch i % 10 {
		case 3: // the same pair once more
			text += " " + image + "," + member + "\n"
		case 7:
			text += image + ",not an id\n"
		}
	}
	input := filepath.Join(dir, "pairs.csv")
	if err := os.WriteFile(input, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := imagetest.NewServer(cloud)
	t.Cleanup(server.Close)

	program := programtest.Build(t)
	var running []*programtest.Process
	for index := range shards {
		running = append(running, programtest.Start(t, program,
			programtest.Variables(imagetest.Login(server.AuthURL), "XDG_STATE_HOME="+dir, fmt.Sprintf("JOB_COMPLETION_INDEX=%d", index)),
			"run", input, "--yes", "--shard", fmt.Sprintf("/%d", shards), "--rate", fmt.Sprint(rate), "--workers", fmt.Sprint(workers)))
	}
	found := make(map[string]string) // the outcomes, by the line of the input
	for index, v := range running {
		if code, by := v.Wait(); code < 0 || code > 1 {
			t.Fatalf("shard %d ended with %d (%v): %s", index, code, by, v.Output.String())
		}
		for _, row := range readShard(t, filepath.Join(dir, fmt.Sprintf("pairs.%d-of-%d.report.csv", index, shards))) {
			if was, ok := found[row[0]]; ok {
				t.Errorf("line %s is %s and %s", row[0], was, row[3])
			}
			found[row[0]] = row[3]
		}
	}
	judgeShards(t, found, text)
	if s := cloud.Stats(); s.MembersRemoved != rows || s.ImagesDeleted != 0 {
		t.Errorf("the cloud counts %+v", s)
	}

	// What a shard has started before a second begins may arrive within it, and
	// that is no more than it has workers; a bucket holds one token.
	const most = rate + shards*(1+1) + shards*workers
	if n := busiestSecond(cloud.Requests()); n > most {
		t.Errorf("%d requests within a second, at a rate of %d: want at most %d", n, rate, most)
	}
}

func readShard(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// judgeShards compares the outcomes of all lines with the input.
func judgeShards(t *testing.T, found map[string]string, input string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(input, "\n"), "\n")
	for i, line := range lines[1:] {
		number := fmt.Sprint(i + 2)
		want := "revoked"
		switch {
		case strings.HasSuffix(line, "not an id"):
			want = "invalid"
		case strings.HasPrefix(line, " "):
			want = "duplicate"
		}
		if found[number] != want {
			t.Errorf("line %s, %s: %q, want %s", number, line, found[number], want)
		}
	}
	if len(found) != len(lines)-1 {
		t.Errorf("%d rows in the reports, want %d", len(found), len(lines)-1)
	}
}

// busiestSecond is the most requests to the Image API in any one second.
func busiestSecond(requests []imagetest.Request) int {
	var window []time.Time
	most := 0
	for _, r := range requests {
		if r.ImageID == "" {
			continue
		}
		window = append(window, r.Time)
		for r.Time.Sub(window[0]) > time.Second {
			window = window[1:]
		}
		most = max(most, len(window))
	}
	return most
}
