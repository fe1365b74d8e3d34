//go:build !windows

package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/cli"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/programtest"
	"imsrevoke/cmd/internal/ui"
)

// What the simulated cloud knows of the samples: whatever they name is shared,
// but for these.
const (
	revokedMember = "0ffb0a4ded000000000000000000dead"     // has no share any more
	deletedImage  = "de1e7ed0-0000-4000-8000-000000000001" // does not exist
	foreignImage  = "f0fe1600-0000-4000-8000-000000000002" // public, and somebody else's
)

// samplesCloud starts a cloud for a sample.
func samplesCloud(t *testing.T, input string) (c *imagetest.Cloud, authURL string) {
	t.Helper()
	pairs, err := validPairs(input)
	if err != nil {
		t.Fatal(err)
	}
	c = imagetest.NewCloud()
	c.AddImage(imagetest.Image{ID: foreignImage, Owner: otherProject, Visibility: imagetest.Public})
	for _, p := range pairs {
		if p.ImageID == deletedImage {
			continue
		}
		if p.MemberID != revokedMember {
			c.Share(p.ImageID, p.MemberID)
		}
		c.Share(p.ImageID, bystander)
	}
	server := imagetest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server.AuthURL
}

// runSample runs imsrevoke off a terminal, logged in at authURL.
func runSample(t *testing.T, authURL string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	login := imagetest.Login(authURL)
	login["XDG_STATE_HOME"] = t.TempDir() // for the locks
	c := &cli.Program{
		Console: ui.Console{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs},
		Getenv:  func(name string) string { return login[name] },
		Environ: func() []string { return nil },
	}
	code = c.Run(args)
	return code, out.String(), errs.String()
}

// sampleFiles lists the inputs in a folder of samples.
func sampleFiles(t *testing.T, folder string) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.csv", "*.txt"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatalf("no samples in %s", folder)
	}
	return files
}

func withoutExtension(path string) string {
	name := filepath.Base(path)
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// compareWithFile compares what a test has got with the contents of a file, or
// puts it there.
func compareWithFile(t *testing.T, got, path string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("not as in %s (-want +got); -update rewrites it:\n%s", path, diff)
	}
}

var samplesFolder = filepath.Join("..", "..", "samples")

func TestEverySampleGivesItsReport(t *testing.T) {
	t.Parallel()
	// What does not end with every row settled.
	codes := map[string]int{
		"audit-export": exit.Unsettled, // an image is gone, another is not ours
		"bad-rows":     exit.Unsettled,
	}
	for _, input := range sampleFiles(t, samplesFolder) {
		name := withoutExtension(input)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, authURL := samplesCloud(t, input)
			output := filepath.Join(t.TempDir(), "report.csv")
			code, stdout, stderr := runSample(t, authURL, "run", input, "--yes", "--rate", "unlimited", "--report", output)
			if code != codes[name] || stdout != "" || (stderr == "") != (code == exit.Settled) {
				t.Errorf("exit code %d, want %d; standard output: %q, standard error: %q", code, codes[name], stdout, stderr)
			}
			compareWithFile(t, stableReport(t, output), filepath.Join(samplesFolder, "expected", name+".report.csv"))
			judgeSample(t, cloud, input)
		})
	}
}

// stableReport is a report without what differs from run to run.
func stableReport(t *testing.T, path string) string {
	t.Helper()
	rows, err := programtest.ReadCSV(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"duration_ms", "request_id", "finished_at"} {
		column := slices.Index(rows[0], name)
		if column < 0 {
			t.Fatalf("the report has no column %s", name)
		}
		for _, row := range rows[1:] {
			row[column] = ""
		}
	}
	var b strings.Builder
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// judgeSample asks the cloud whether the shares of the sample are gone and
// nothing else is.
func judgeSample(t *testing.T, cloud *imagetest.Cloud, input string) {
	t.Helper()
	pairs, err := validPairs(input)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		kept := p.ImageID == foreignImage
		if cloud.Shared(p.ImageID, p.MemberID) != kept {
			t.Errorf("%v is shared: %t, want %t", p, !kept, kept)
		}
		if p.ImageID != deletedImage && !cloud.Shared(p.ImageID, bystander) {
			t.Errorf("image %s is no longer shared with a member that no row names", p.ImageID)
		}
	}
	if n := cloud.Stats().ImagesDeleted; n != 0 {
		t.Errorf("%d images were deleted", n)
	}
}

func TestEveryRefusedSampleGivesItsMessage(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(samplesFolder, "refused")
	for _, input := range sampleFiles(t, folder) {
		name := withoutExtension(input)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := imagetest.NewCloud()
			server := imagetest.NewServer(cloud)
			t.Cleanup(server.Close)
			output := filepath.Join(t.TempDir(), "report.csv")
			code, stdout, stderr := runSample(t, server.AuthURL, "run", input, "--yes", "--report", output)
			if code != exit.Usage || stdout != "" {
				t.Errorf("exit code %d, want %d; standard output: %q", code, exit.Usage, stdout)
			}
			if requests := cloud.Requests(); len(requests) != 0 {
				t.Errorf("%d requests were sent, the first of them %s %s", len(requests), requests[0].Method, requests[0].Target)
			}
			if _, err := os.Stat(output); !os.IsNotExist(err) {
				t.Errorf("there is a report: %v", err)
			}
			message := strings.ReplaceAll(stderr, folder+string(filepath.Separator), "")
			compareWithFile(t, message, filepath.Join(samplesFolder, "expected", "refused", name+".txt"))
		})
	}
}
