/// Pictures as they are read, as a camera gives them, and why one cannot be used.
namespace Fae.Imaging

open System
open Fae.Core

/// Why a picture cannot be used.
type ImageProblem =
    {
        Path: string
        Reason: string
    }

    override problem.ToString() = $"{problem.Path}: {problem.Reason}"

/// The values of a picture's file: their type, the lowest and the highest.
type ValueSpan = { Kind: ValueKind; Lowest: float32; Highest: float32 }

/// What of a file is not looked at: pages or frames after the first; bands beyond grey or colour that are no transparency.
[<Struct>]
type Unread = { FurtherPages: int; FurtherBands: int }

/// A decoded picture.
[<NoComparison>]
type Picture =
    {
        /// Its pixels in [0, 1] at the requested size.
        Image: Image
        OriginalWidth: int
        OriginalHeight: int
        /// The values that it had, if they are not bytes.
        Values: ValueSpan option
        /// What of its file was not read.
        Unread: Unread
    }

/// Pixels as a camera hands them over: rows of `Bands` values of `Depth` bytes each, a row every `Stride` bytes; of four values the last
/// is passed over. Swapped: blue first. Bits: those that the values use, 0 if that is not known.
[<NoComparison; NoEquality>]
type PixelBuffer =
    {
        Pixels: ReadOnlyMemory<byte>
        Width: int
        Height: int
        Stride: int
        Bands: int
        Depth: int
        Swapped: bool
        Bits: int
    }
