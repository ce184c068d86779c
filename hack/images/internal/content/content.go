// Package content says what is in each container image, file by file. The images that are built here and those that the
// Dockerfile builds are the same because both are made from it. Nothing is in an image that is not named here: no shell,
// no package manager, nothing that runs as root.
package content

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// User is the numeric user and group that every image runs as; Kubernetes can only tell from a number that it is not root.
const User = "65532:65532"

// An Image is a root file system and how its program starts.
type Image struct {
	// Name of the image without registry and tag.
	Name string
	// Base holds what seldom changes, Programs what every build changes: a layer each, so that most loads are small.
	Base, Programs []File
	Entrypoint     []string
	Env            []string
	Labels         map[string]string
}

// A File is one regular file of an image.
type File struct {
	// Target is the path in the image, without a leading slash.
	Target string
	// Source is the path of the file to copy. Data is the content where there is none.
	Source string
	Data   []byte
	Mode   fs.FileMode
	// Package is the Debian package that the file comes from, "" for one of khocr's own.
	Package string
	// License is the SPDX identifier of trained data's, which cannot be told from a notice alone.
	License string
}

// Content is what is in the file.
func (f File) Content() ([]byte, error) {
	if f.Source == "" {
		return f.Data, nil
	}
	return os.ReadFile(f.Source)
}

// A Place is where the parts of the images are found.
type Place struct {
	// Bin holds the compiled programs.
	Bin string
	// Checkout is the root of the repository.
	Checkout string
}

const (
	// tessdata is the folder of trained data in the image.
	tessdata       = "usr/share/tesseract-ocr/5/tessdata"
	debianTessdata = "/" + tessdata
	// ownModel is khocr's, in the checkout.
	ownModel = "worker/tessdata/khocr.traineddata"
	// apache is the licence of khocr and of all trained data.
	apache = "Apache-2.0"
)

// trainedData of Debian by where it is in the image: Debian puts the script's model beside the languages', Tesseract's own
// notation for it is script/Khmer.
var trainedData = map[string]string{
	"eng.traineddata":          "eng.traineddata",
	"khm.traineddata":          "khm.traineddata",
	"script/Khmer.traineddata": "Khmer.traineddata",
}

// workerEnv is in the environment before the engine starts: more than one thread a page costs five times the processor time.
var workerEnv = []string{"TESSDATA_PREFIX=/" + tessdata, "OMP_THREAD_LIMIT=1"}

// Names lists the images.
func Names() []string {
	return []string{"apigateway", "endpoint", "manager", "relay", "samples", "worker"}
}

// Of puts together an image by its name.
func Of(name string, place Place) (Image, error) {
	authorities, err := certificates()
	if err != nil {
		return Image{}, err
	}
	image := static(name, place)
	image.Base = append(image.Base, authorities)
	switch name {
	case "worker":
		image, err = worker(image, place)
	case "samples":
		image, err = samples(image, place)
	}
	if err != nil {
		return Image{}, err
	}
	notices, err := copyrights(image)
	if err != nil {
		return Image{}, err
	}
	image.Base = append(image.Base, notices...)
	materials, err := billOfMaterials(image)
	if err != nil {
		return Image{}, fmt.Errorf("listing what is in image %s: %w", name, err)
	}
	image.Programs = append(image.Programs, materials)
	return image, nil
}

// static is an image of one program that needs no library.
func static(name string, place Place) Image {
	return Image{
		Name:       name,
		Base:       append(common(), license(place, "LICENSE")),
		Programs:   []File{program(place, name)},
		Entrypoint: []string{"/usr/local/bin/" + name},
		Labels:     labels(apache),
	}
}

// worker adds the engine, which is the only program with libraries, and what it reads.
func worker(image Image, place Place) (Image, error) {
	engine := program(place, "engine")
	libraries, err := sharedLibraries(engine.Source)
	if err != nil {
		return Image{}, err
	}
	image.Programs = append(image.Programs, engine)
	var debian []File
	for _, library := range libraries {
		debian = append(debian, File{Target: library[1:], Source: library, Mode: 0o755})
	}
	for target, source := range trainedData {
		debian = append(debian, File{
			Target: path.Join(tessdata, target), Source: path.Join(debianTessdata, source), Mode: 0o644, License: apache,
		})
	}
	if err := findPackages(debian); err != nil {
		return Image{}, err
	}
	image.Base = append(image.Base, debian...)
	image.Base = append(image.Base, File{
		Target: path.Join(tessdata, path.Base(ownModel)), Source: filepath.Join(place.Checkout, ownModel), Mode: 0o644, License: apache,
	})
	// MuPDF, which the engine links, is under the AGPL.
	image.Base = append(image.Base, license(place, "NOTICE"), license(place, "LICENSES/AGPL-3.0.txt"))
	image.Labels = labels("Apache-2.0 AND AGPL-3.0-only")
	image.Env = workerEnv
	return image, nil
}

// samples adds the documents of test/testdata, for clusters that can reach no other server.
func samples(image Image, place Place) (Image, error) {
	documents, err := filepath.Glob(filepath.Join(place.Checkout, "test/testdata/*.pdf"))
	if err != nil {
		return Image{}, err
	}
	for _, document := range documents {
		image.Base = append(image.Base, File{
			Target: path.Join("srv", filepath.Base(document)), Source: document, Mode: 0o644,
		})
	}
	return image, nil
}

func common() []File {
	return []File{
		{Target: "etc/passwd", Data: []byte("nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"), Mode: 0o644},
		{Target: "etc/group", Data: []byte("nonroot:x:65532:\n"), Mode: 0o644},
	}
}

func program(place Place, name string) File {
	return File{Target: "usr/local/bin/" + name, Source: filepath.Join(place.Bin, name), Mode: 0o755}
}

func license(place Place, name string) File {
	return File{Target: path.Join("usr/share/doc/khocr", name), Source: filepath.Join(place.Checkout, name), Mode: 0o644}
}

func labels(licenses string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.licenses": licenses,
		"org.opencontainers.image.source":   "https://github.com/openplp/khocr",
		"org.opencontainers.image.title":    "khocr",
	}
}

// Files lists everything in an image in the order of the targets.
func (i Image) Files() []File {
	files := slices.Concat(i.Base, i.Programs)
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Target, b.Target) })
	return files
}
