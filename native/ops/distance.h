// Squared Mahalanobis distances of rows of features to the nearest of some classes. docs/scores.md.
#pragma once

#include "../rows/drivers.h"

namespace softlane {
namespace {

// min_c |W (x - centre) - m_c|^2 and that c, W being the inverse of the covariance's lower Cholesky
// factor and m_c the mean of a class as W makes it. In double, every sum in the order of the
// features: a row has the same bits wherever it is among others. W comes in panels of sixteen of
// its rows, the sixteen elements of a column side by side.
struct ClassDistance {
  static constexpr const char* kName = "classDistance";
  static constexpr int kClasses = 0;  // place in Call::params
  static constexpr size_t kMostFeatures = size_t{1} << 16;
  // From so many rows on they are taken sixteen at a time, a row a lane; fewer one by one.
  static constexpr size_t kMany = 4;

  enum { kFactor, kCentre, kMeans, kNearest };
  static size_t panels(const Call& call) { return (call.cols + kLanes - 1) / kLanes; }
  static size_t classes(const Call& call) { return static_cast<size_t>(call.params[kClasses]); }
  static size_t factor_width(const Call& call) { return panels(call) * kLanes * call.cols; }
  static size_t means_width(const Call& call) { return classes(call) * call.cols; }
  static constexpr Operand kOperands[] = {
      {"factor", Element::kFloat64, false, false, true, factor_width},
      {"centre", Element::kFloat64, false, false, true, one_a_column},
      {"means", Element::kFloat64, false, false, true, means_width},
      {"nearest", Element::kInt32, true, false, false, one_a_row},
  };

  static bool valid(const Call& call) {
    const double count = call.params[kClasses];
    return call.cols >= 1 && call.cols <= kMostFeatures && count >= 1 && count <= INT32_MAX &&
           count == static_cast<double>(static_cast<int32_t>(count));
  }
  // The features less the centre, and what W makes of them: sixteen rows, or a panel more than one.
  static size_t workspace_bytes(const Call& call) {
    return (call.cols + panels(call) * kLanes) * kLanes * sizeof(double);
  }

  static void rows(const Call& call, const float* x, void* y, size_t count) {
    int32_t* nearest = operand_at<int32_t>(call, kOperands, kNearest);
    float* distance = static_cast<float*>(y);
    for (size_t r = 0; r < count;) {
      const size_t left = count - r, some = left < kMany ? 1 : left < kLanes ? left : kLanes;
      const float* first = x + r * call.x_stride;
      if (some == 1) {
        one(call, first, distance + r, nearest + r);
      } else {
        sixteen(call, first, some, distance + r, nearest + r);
      }
      r += some;
    }
  }

  static constexpr Operator entry() {
    Operator op =
        Listed<ClassDistance>::entry({kName, Output::kNumber, valid, nullptr, rows, nullptr,
                                      nullptr, nullptr, nullptr, nullptr, nullptr, nullptr});
    op.workspace_bytes = workspace_bytes;
    return op;
  }

 private:
  // Of distances that are numbers the least, and the first class that has it.
  struct Least {
    double distance = __builtin_nan("");
    int32_t nearest = -1;

    void add(double sum, size_t c) {
      if (!(sum < __builtin_inf()) || sum >= distance) return;
      distance = sum, nearest = static_cast<int32_t>(c);
    }
    void write(float* to, int32_t* index) const {
      *to = static_cast<float>(distance);
      *index = nearest;
    }
  };

  static void sixteen(const Call& call, const float* x, size_t rows, float* distance,
                      int32_t* nearest) {
    const size_t n = call.cols;
    double* apart = static_cast<double*>(call.workspace);
    double* white = apart + n * kLanes;
    const double* centre = operand_at<const double>(call, kOperands, kCentre);
    for (size_t l = 0; l < kLanes; ++l) {
      // Lanes without a row have the first one's.
      const float* row = x + (l < rows ? l * call.x_stride : 0);
      for (size_t j = 0; j < n; ++j) apart[j * kLanes + l] = row[j] - centre[j];
    }
    const double* factor = operand_at<const double>(call, kOperands, kFactor);
    for (size_t i = 0; i < n; i += 4) {
      const double* panel = factor + i / kLanes * kLanes * n + i % kLanes;
      four_of_all(panel, n - i < 4 ? n : i + 4, apart, white + i * kLanes);
    }
    Least least[kLanes];
    const double* mean = operand_at<const double>(call, kOperands, kMeans);
    for (size_t c = 0; c < classes(call); ++c, mean += n) {
      double sum[kLanes] = {};
      for (size_t i = 0; i < n; ++i) {
        for (size_t l = 0; l < kLanes; ++l) {
          const double d = white[i * kLanes + l] - mean[i];
          sum[l] += d * d;
        }
      }
      for (size_t l = 0; l < kLanes; ++l) least[l].add(sum[l], c);
    }
    for (size_t l = 0; l < rows; ++l) least[l].write(distance + l, nearest + l);
  }
  // Four rows of W, of whose columns so many are not 0, times sixteen rows of features.
  static void four_of_all(const double* panel, size_t width, const double* apart, double* white) {
    double a[kLanes] = {}, b[kLanes] = {}, c[kLanes] = {}, d[kLanes] = {};
    for (size_t j = 0; j < width; ++j) {
      const double* w = panel + j * kLanes;
      const double* v = apart + j * kLanes;
      for (size_t l = 0; l < kLanes; ++l) {
        a[l] += w[0] * v[l];
        b[l] += w[1] * v[l];
        c[l] += w[2] * v[l];
        d[l] += w[3] * v[l];
      }
    }
    for (size_t l = 0; l < kLanes; ++l) {
      white[l] = a[l];
      white[kLanes + l] = b[l];
      white[2 * kLanes + l] = c[l];
      white[3 * kLanes + l] = d[l];
    }
  }

  static void one(const Call& call, const float* x, float* distance, int32_t* nearest) {
    const size_t n = call.cols;
    double* apart = static_cast<double*>(call.workspace);
    double* white = apart + n;
    const double* centre = operand_at<const double>(call, kOperands, kCentre);
    for (size_t j = 0; j < n; ++j) apart[j] = x[j] - centre[j];
    const double* panel = operand_at<const double>(call, kOperands, kFactor);
    for (size_t i = 0; i < n; i += kLanes, panel += kLanes * n) {
      const size_t width = n - i < kLanes ? n : i + kLanes;
      double sum[kLanes] = {};
      for (size_t j = 0; j < width; ++j) {
        for (size_t l = 0; l < kLanes; ++l) sum[l] += panel[j * kLanes + l] * apart[j];
      }
      for (size_t l = 0; l < kLanes; ++l) white[i + l] = sum[l];
    }
    Least least;
    const double* mean = operand_at<const double>(call, kOperands, kMeans);
    for (size_t c = 0; c < classes(call); ++c, mean += n) {
      double sum = 0;
      for (size_t i = 0; i < n; ++i) {
        const double d = white[i] - mean[i];
        sum += d * d;
      }
      least.add(sum, c);
    }
    least.write(distance, nearest);
  }
};

}  // namespace
}  // namespace softlane
