package imageapi

import (
	"strings"
	"testing"

	"imsrevoke/batch"
)

// TestTheFirstAnswerTellsWhetherThereIsAnImageAPI: what can come from one leaves
// it open, and so does every answer after the first.
func TestTheFirstAnswerTellsWhetherThereIsAnImageAPI(t *testing.T) {
	t.Parallel()
	nginx := "<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center><hr><center>nginx%s</center></body></html>"
	apache := "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1><p>The requested URL was not found on this server.</p></body></html>"
	keystone := `{"error":{"code":404,"message":"The resource could not be found.","title":"Not Found"}}`
	tests := []struct {
		name, answer string
		onDelete     string // what the message holds; empty: it may be an Image API
		onList       string // likewise, where it is not the same
	}{
		{name: "the versions of Glance", answer: plain("300 Multiple Choices", "application/json", `{"versions": []}`), onDelete: "it answered 300 Multiple Choices; set --endpoint"},
		{name: "a redirect", answer: plain("302 Found", "text/html", "", "Location: https://portal.example/login?next=x"), onDelete: "it redirects to https://portal.example; set --endpoint"},
		{name: "a redirect within", answer: plain("301 Moved Permanently", "text/html", "", "Location: /login"), onDelete: "it answered 301 Moved Permanently"},
		{name: "nginx", answer: plain("404 Not Found", "text/html", strings.ReplaceAll(nginx, "%s", "")), onDelete: "it answered 404 Not Found; set --endpoint"},
		{name: "a version of nginx", answer: plain("404 Not Found", "text/html", strings.ReplaceAll(nginx, "%s", "/1.22.1")), onDelete: "it answered 404 Not Found"},
		{name: "Apache", answer: plain("404 Not Found", "text/html", apache), onDelete: "it answered 404 Not Found"},
		{name: "Go", answer: plain("404 Not Found", "text/plain", "404 page not found"), onDelete: "it answered 404 Not Found"},
		{name: "Keystone", answer: plain("404 Not Found", "application/json", keystone), onDelete: "it answered 404 Not Found"},
		{name: "a gateway of Huawei Cloud", answer: plain("404 Not Found", "application/json", `{"error_code":"APIGW.0101","error_msg":"The API does not exist"}`),
			onDelete: "APIGW.0101: The API does not exist; no API is published at this address; check --endpoint and --region"},
		{name: "a server of files", answer: plain("405 Method Not Allowed", "text/html", "<h1>405</h1>"), onDelete: "it answered 405 Method Not Allowed"},
		{name: "a portal", answer: plain("200 OK", "text/html", "<h1>Welcome</h1>"), onList: "it answered with a web page; set --endpoint"},

		{name: "Glance, of an image", answer: glance("404 Not Found", "Image "+image+" not found.")},
		{name: "Glance, of a path or a policy", answer: glance("404 Not Found", "The resource could not be found.")},
		{name: "a page of a proxy's owner", answer: plain("404 Not Found", "text/html", "<h1>Sorry</h1><p>404 Not Found</p>")},
		{name: "IMS", answer: plain("404 Not Found", "application/json", `{"error":{"code":"IMG.0027","message":"no image"}}`)},
		{name: "an outage", answer: plain("503 Service Unavailable", "text/html", "nginx")},
		{name: "a refusal", answer: plain("403 Forbidden", "text/html", "nginx")},
		{name: "a removal", answer: plain("204 No Content", "text/plain", "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for on, want := range map[string]string{"DELETE": tt.onDelete, "GET": tt.onDelete + tt.onList} {
				c := newClient(t, "http://glance.example/wrong", &keys{}, says(tt.answer))
				ask := func() batch.Answer {
					if on == "DELETE" {
						return c.Remove(t.Context(), pair)
					}
					_, a := c.Members(t.Context(), image, "")
					return a
				}
				c.began.Store(false)
				first, second := ask(), ask()
				if want = strings.TrimSpace(want); want != "" {
					want = "there is none at http://glance.example/wrong: " + want
				}
				if misconfigured := first.Meaning == batch.Misconfigured; misconfigured != (want != "") || misconfigured && !strings.HasPrefix(first.Message, want) {
					t.Errorf("%s: meaning %d, %q; want %q", on, first.Meaning, first.Message, want)
				}
				if second.Meaning == batch.Misconfigured {
					t.Errorf("%s: the second answer means the same", on)
				}
			}
		})
	}
}
