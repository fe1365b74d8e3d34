package cloud_test

import (
	"net/http"
	"strings"
	"testing"

	"imsrevoke/batch/cloud"
)

const imageAPI = "https://image.example.com"

// sentToken is the token that the session puts on a request.
func sentToken(t *testing.T, s *cloud.Session) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodDelete, s.Endpoint().JoinPath("v2", "images").String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authorize(req); err != nil {
		t.Fatal(err)
	}
	return req.Header.Get("X-Auth-Token")
}

func TestTokenFile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("s3cr3t", 1000)
	tests := []struct{ name, text, want, wantErr string }{
		{"a line", "s3cr3t\n", "s3cr3t", ""},
		{"a line of Windows", "s3cr3t\r\n", "s3cr3t", ""},
		{"without a line end", "gAAAAAB-s3cr3t_=", "gAAAAAB-s3cr3t_=", ""},
		{"a long token", long, long, ""},
		{"an empty file", "", "", "is empty"},
		{"an empty line", "\n", "", "is empty"},
		{"two lines", "s3cr3t\ns3cr3t\n", "", "more than one line"},
		{"an empty line behind", "s3cr3t\n\n", "s3cr3t", ""},
		{"a blank in it", "X s3cr3t", "", "0x20) at byte 1"},
		{"a NUL", "s3cr3t\x00", "", "0x00) at byte 6"},
		{"a byte order mark", "\ufeffs3cr3t\r\n", "s3cr3t", ""},
		{"blanks around it", " \ts3cr3t \n", "s3cr3t", ""},
		{"a disk image", strings.Repeat("s3cr3t", 20000), "", "longer than 65536 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := writeFile(t, t.TempDir(), "tok", tt.text)
			s, logged, err := connect(t, cloud.Config{TokenFile: file, Endpoint: imageAPI}, nil)
			if tt.wantErr != "" {
				wantError(t, err, file, tt.wantErr, "on one line")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := sentToken(t, s); got != tt.want {
				t.Errorf("sent token %q, want %q", got, tt.want)
			}
			if logged != "" {
				t.Errorf("logged %s", logged)
			}
		})
	}
}

func TestTokenThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, _, err := connect(t, cloud.Config{TokenFile: dir + "/none", Endpoint: imageAPI}, env{"OS_TOKEN": "s3cr3t"})
	wantError(t, err, dir+"/none")
	writeFile(t, dir, "token", "\n")
	_, _, err = connect(t, cloud.Config{Endpoint: imageAPI}, env{"CREDENTIALS_DIRECTORY": dir, "OS_TOKEN": "s3cr3t"})
	wantError(t, err, dir+"/token", "is empty")
	_, _, err = connect(t, cloud.Config{Endpoint: imageAPI}, env{"OS_TOKEN": "s3cr3t\n"})
	wantError(t, err, "the token of OS_TOKEN", "more than one line")
}

func TestReadyTokenTellsNoProject(t *testing.T) {
	t.Parallel()
	s := mustConnect(t, cloud.Config{Endpoint: imageAPI, Region: "two"}, env{"OS_TOKEN": "s3cr3t"})
	if id, name := s.Project(); id != "" || name != "" {
		t.Errorf("project %q %q, want none", id, name)
	}
	if s.Region() != "two" {
		t.Errorf("region %q, want the one that was given", s.Region())
	}
}
