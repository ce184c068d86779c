//go:build race

package apigateway

// raceDetector: the detector itself holds a multiple of the memory that it watches.
const raceDetector = true
