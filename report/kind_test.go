package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imsrevoke/batch"
)

// TestKindOf: what the program has written is known by its first bytes, and
// nothing else is.
func TestKindOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	row := rowsOf(1)[0]
	journal := writeJournal(t, dir, true, ended(row, batch.Revoked))
	name := filepath.Join(dir, "report.csv")
	if err := os.Rename(journal, name+".journal"); err != nil {
		t.Fatal(err)
	}
	written := map[string]Kind{name: KindReport, name + ".journal": KindJournal}
	plan := planOf(t, []batch.Row{row}, nil, nil)
	defer plan.Close()
	if _, err := (&CSV{Plan: plan, Rest: batch.Skipped}).WriteFile(name); err != nil {
		t.Fatal(err)
	}
	results, err := OpenResults(name)
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	for _, run := range []*Run{nil, {Verb: "run", Input: "pairs.csv", Digest: "d"}, {Input: strings.Repeat("long", 300)}} {
		results.Origin = run
		for _, format := range Formats() {
			for _, v := range []View{{Format: format}, {Format: format, ByteOrderMark: format == FormatCSV}, {Format: format, Only: []batch.Outcome{batch.Skipped}}} {
				path := filepath.Join(t.TempDir(), "view")
				if err := v.WriteFile(path, results); err != nil {
					t.Fatal(err)
				}
				written[path] = format.Kind()
			}
		}
	}
	metrics := filepath.Join(dir, "metrics.prom")
	if err := (&Metrics{Finished: noon}).WriteFile(metrics); err != nil {
		t.Fatal(err)
	}
	written[metrics] = KindMetrics
	for path, want := range written {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := KindOf(text[:min(len(text), KindHead)]); got != want {
			t.Errorf("it is called %q and is a %s:\n%.300s", got, want, text)
		}
	}
	for _, text := range []string{
		"", "image_id,member_id\n", "line,image_id,member_id\n", "line;image_id;member_id;outcome;", "deadbeef", "deadbeef\trun\t", "deadbeef\trun\tother-journal/1\t",
		"<!DOCTYPE html>\n<html><head></head></html>", "{}", "{\n  \"run\": {\n    \"name\": \"x\"\n  }\n}\n", "{\"line\":1}", "# HELP node_load1 1m load average.\n", "\x00\x00x",
	} {
		if got := KindOf([]byte(text)); got != "" {
			t.Errorf("%q is called a %s", text, got)
		}
	}
}
