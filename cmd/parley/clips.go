package main

import (
	"bytes"
	bits "encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math"
)

const (
	clipSize   = 120 // pixels, each way
	clipFrames = 24
	clipDelay  = 6 // hundredths of a second
)

// clipColours are those of the demo's animations: night, ground, ball, light.
var clipColours = color.Palette{
	color.RGBA{0x1b, 0x1f, 0x3a, 0xff}, color.RGBA{0x2f, 0x6f, 0x5e, 0xff}, color.RGBA{0xff, 0x7a, 0x59, 0xff}, color.RGBA{0xff, 0xe0, 0xb8, 0xff},
}

// bouncingBall is an animation of a ball that bounces, for ever.
func bouncingBall() ([]byte, error) {
	var clip gif.GIF
	for n := range clipFrames {
		clip.Image = append(clip.Image, ballFrame(float64(n)/clipFrames))
		clip.Delay = append(clip.Delay, clipDelay)
	}
	var file bytes.Buffer
	err := gif.EncodeAll(&file, &clip)
	return file.Bytes(), err
}

// ballStill is the animation's highest moment.
func ballStill() ([]byte, error) {
	var file bytes.Buffer
	err := png.Encode(&file, ballFrame(0.5))
	return file.Bytes(), err
}

// ballFrame is the ball at a moment of its bounce, from 0 to 1.
func ballFrame(moment float64) *image.Paletted {
	frame := image.NewPaletted(image.Rect(0, 0, clipSize, clipSize), clipColours)
	const ground, radius = 100, 14
	x, y := clipSize/2, ground-radius-int(math.Sin(moment*math.Pi)*60)
	for py := range clipSize {
		for px := range clipSize {
			dx, dy := px-x, py-y
			switch {
			case dx*dx+dy*dy <= radius*radius && dx < -2 && dy < -2 && dx*dx+dy*dy < radius*radius/2:
				frame.SetColorIndex(px, py, 3)
			case dx*dx+dy*dy <= radius*radius:
				frame.SetColorIndex(px, py, 2)
			case py >= ground:
				frame.SetColorIndex(px, py, 1)
			}
		}
	}
	return frame
}

const (
	soundRate  = 22_050 // samples a second
	noteLength = soundRate / 4
)

// notes are in hertz: a chord, one after the other.
var notes = []float64{523.25, 659.25, 783.99, 1046.50, 783.99, 1046.50}

// chime is a sound clip of some notes that fade.
func chime() []byte {
	samples := make([]int16, 0, len(notes)*noteLength)
	for _, pitch := range notes {
		for n := range noteLength {
			fade := math.Exp(-4 * float64(n) / noteLength)
			attack := math.Min(1, float64(n)/200)
			samples = append(samples, int16(12_000*attack*fade*math.Sin(2*math.Pi*pitch*float64(n)/soundRate)))
		}
	}
	return wave(samples)
}

// wave is a file of 16-bit samples of one channel: RIFF with a format and a
// data chunk, all numbers little-endian.
// https://learn.microsoft.com/windows/win32/multimedia/resource-interchange-file-format-services
func wave(samples []int16) []byte {
	const sampleBytes, channels, pcm, formatBytes = 2, 1, 1, 16
	data := uint32(len(samples) * sampleBytes)
	var file []byte
	file = append(file, "RIFF"...)
	file = bits.LittleEndian.AppendUint32(file, 4+8+formatBytes+8+data)
	file = append(file, "WAVEfmt "...)
	file = bits.LittleEndian.AppendUint32(file, formatBytes)
	file = bits.LittleEndian.AppendUint16(file, pcm)
	file = bits.LittleEndian.AppendUint16(file, channels)
	file = bits.LittleEndian.AppendUint32(file, soundRate)
	file = bits.LittleEndian.AppendUint32(file, soundRate*sampleBytes*channels)
	file = bits.LittleEndian.AppendUint16(file, sampleBytes*channels)
	file = bits.LittleEndian.AppendUint16(file, 8*sampleBytes)
	file = append(file, "data"...)
	file = bits.LittleEndian.AppendUint32(file, data)
	for _, sample := range samples {
		file = bits.LittleEndian.AppendUint16(file, uint16(sample))
	}
	return file
}
