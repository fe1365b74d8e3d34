package imageapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"imsrevoke/batch"
)

// added is Glance's answer to a POST of the pair.
func added(imageID, memberID string) string {
	return plain("200 OK", "application/json", fmt.Sprintf(
		`{"member_id": %q, "image_id": %q, "status": "pending", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-11-24T00:00:00Z", "schema": "/v2/schemas/member"}`, memberID, imageID))
}

func TestWhatAnswersToAPostMean(t *testing.T) {
	t.Parallel()
	duplicated := "Member " + member + " is duplicated for image " + image
	full := "Image member limit exceeded for image " + image + ": The limit has been exceeded on the number of allowed image members for this image. Attempted: 129, Maximum: 128:"
	tests := []struct {
		name, response string
		meaning        batch.Meaning
		message        string
	}{
		{"200 with the member", added(image, member), batch.Added, ""},
		{"200 in the other letter case", added(strings.ToUpper(image), strings.ToUpper(member)), batch.Added, ""},
		{"200 with another member", added(image, "x"+member), batch.Broken, "which was not asked for"},
		{"200 with another image", added("x", member), batch.Broken, "which was not asked for"},
		{"200 of a portal", plain("200 OK", "text/html", "<h1>Welcome to the portal</h1>"), batch.Broken, "may be no Image API"},
		{"200 that is cut", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"member_id\": \"" + member, batch.Broken, "names no member"},
		{"200 with a list", plain("200 OK", "application/json", `{"members": []}`), batch.Broken, "which was not asked for"},
		{"201 is no success", added(image, member)[:9] + "201 Created\r\nContent-Length: 0\r\n\r\n", batch.Broken, "and not 200"},
		{"204 is no success", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", batch.Broken, "and not 200"},
		{"409 for the member", glance("409 Conflict", duplicated), batch.AlreadyMember, duplicated},
		{"409 for the member in the other letter case", glance("409 Conflict", strings.ToUpper(duplicated)), batch.AlreadyMember, ""},
		{"409 for another member", glance("409 Conflict", "Member x"+member+" is duplicated for image "+image), batch.Conflict, ""},
		{"409 that does not say why", plain("409 Conflict", "text/plain", ""), batch.Conflict, "409 Conflict"},
		{"413 of the quota", glance("413 Request Entity Too Large", full), batch.Conflict, full},
		{"413 of a proxy", plain("413 Request Entity Too Large", "text/html", "<html>too large</html>"), batch.Refused, "too large"},
		{"404 for the image", glance("404 Not Found", "Image "+image+" not found."), batch.NoSuchImage, "not found"},
		{"404 for no route", glance("404 Not Found", "The resource could not be found."), batch.AmbiguousNotFound, "could not be found"},
		{"404 for the member", glance("404 Not Found", member+" not found in the member list of the image "+image+"."), batch.AmbiguousNotFound, ""},
		{"403", glance("403 Forbidden", "Not allowed to create members for image "+image+"."), batch.Forbidden, "Not allowed to create"},
		{"400", glance("400 Bad Request", "Member can't be empty"), batch.Refused, "Member can't be empty"},
		{"400 IMG.0108", plain("400 Bad Request", "application/json", `{"error":{"message":"The tenant ID was not found.","code":"IMG.0108"}}`), batch.Refused, "not known in this region"},
		{"400 IMG.0112", plain("400 Bad Request", "application/json", `{"error":{"message":"Failed to add the tenant.","code":"IMG.0112"}}`), batch.Broken, "IMG.0112"},
		{"a redirect is not followed", plain("307 Temporary Redirect", "text/html", "", "Location: http://elsewhere.example/"), batch.Refused, "a redirect, which is not followed"},
		{"429", plain("429 Too Many Requests", "text/plain", ""), batch.Throttled, ""},
		{"500", glance("500 Internal Server Error", "x"), batch.Broken, "x"},
		{"503", plain("503 Service Unavailable", "text/plain", ""), batch.Unavailable, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := &keys{}
			got := newClient(t, "http://glance.example", k, says(tt.response)).Add(t.Context(), pair)
			if got.Meaning != tt.meaning || !strings.Contains(got.Message, tt.message) || tt.meaning == batch.Added && got.Message != "" {
				t.Errorf("got meaning %d, %q; want %d, %q", got.Meaning, got.Message, tt.meaning, tt.message)
			}
			if want := tt.response[9:12]; fmt.Sprint(got.Status) != want {
				t.Errorf("status %d; want %s", got.Status, want)
			}
			if (k.accepted == 1) != got.Meaning.Served() {
				t.Errorf("the credential was accepted %d times", k.accepted)
			}
		})
	}
}

func TestWhatAPostSends(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://glance.example/image", &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(req.Body)
		want := `{"member":"` + member + `"}`
		if err != nil || string(body) != want || req.ContentLength != int64(len(want)) || req.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the body is %q of %d bytes, %s; want %s", body, req.ContentLength, req.Header.Get("Content-Type"), want)
		}
		if line, want := req.Method+" "+req.URL.RequestURI(), "POST /image/v2/images/"+image+"/members"; line != want {
			t.Errorf("%s; want %s", line, want)
		}
		return nil, errors.New("sent")
	}))
	c.Add(t.Context(), pair)
}

// Pairs that are none must not get that far; if they do, nothing is sent.
func TestAPostOfWhatIsNoPairIsNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://glance.example", &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
		t.Errorf("%s %s was sent", req.Method, req.URL)
		return nil, errors.New("sent")
	}))
	for _, p := range []batch.Pair{
		{}, {ImageID: image}, {ImageID: image, MemberID: ".."}, {ImageID: image, MemberID: `x","status":"accepted`},
		{ImageID: image + "?", MemberID: member}, {ImageID: "..", MemberID: member},
	} {
		if a := c.Add(t.Context(), p); a.Meaning != batch.Refused || !strings.HasPrefix(a.Message, "nothing was sent: ") {
			t.Errorf("%v: %+v; want a refusal before anything is sent", p, a)
		}
	}
}
