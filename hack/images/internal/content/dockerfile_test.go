package content

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The Dockerfile takes the files from this package, but has to repeat how the programs start.
func TestDockerfileStartsTheImagesInTheSameWay(t *testing.T) {
	text, err := os.ReadFile("../../../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	stages := regexp.MustCompile(`(?m)^FROM .*$`).Split(string(text), -1)
	for _, name := range []string{"apigateway", "manager", "relay", "worker"} {
		image := static(name, Place{})
		if name == "worker" {
			image.Env = workerEnv
		}
		stage := ""
		for _, s := range stages {
			if strings.Contains(s, `ENTRYPOINT ["`+image.Entrypoint[0]+`"]`) {
				stage = s
			}
		}
		if stage == "" {
			t.Errorf("no stage of the Dockerfile starts %s", image.Entrypoint[0])
			continue
		}
		for _, line := range append([]string{"USER " + User, "COPY --from=rootfs /rootfs/" + name + " /"}, env(image.Env)...) {
			if !strings.Contains(stage, line+"\n") {
				t.Errorf("the stage of %s lacks the line %q", name, line)
			}
		}
	}
}

func env(variables []string) []string {
	var lines []string
	for _, v := range variables {
		lines = append(lines, "ENV "+v)
	}
	return lines
}
